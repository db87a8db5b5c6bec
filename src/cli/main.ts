#!/usr/bin/env node
import {Command} from 'commander';
import {packageVersion} from '../version.ts';
import {auditCommand, initCommand, labelCommand, planCommand, probeCommand} from './commands/asking.ts';
import {cacheCommand} from './commands/cache.ts';
import {queueCommand, workerCommand} from './commands/queue.ts';
import {serveCommand, statusCommand} from './commands/serve.ts';
import {
  checkCommand,
  compareCommand,
  encoderCommand,
  engineCommand,
  evaluateCommand,
  exportCommand,
  predictCommand,
  reportCommand,
  reproduceCommand,
  trainCommand,
} from './commands/students.ts';
import {writeCommand} from './commands/write.ts';
import {reportFailure} from './failure.ts';

const program = withAdvice(new Command('limbeck'))
  .description('Distil any teacher that can be reached into a small local student.')
  .version(packageVersion());
const commands = [
  initCommand(),
  compareCommand(),
  reportCommand(),
  checkCommand(),
  reproduceCommand(),
  planCommand(),
  probeCommand(),
  writeCommand(),
  labelCommand(),
  workerCommand(),
  queueCommand(),
  trainCommand(),
  evaluateCommand(),
  auditCommand(),
  predictCommand(),
  serveCommand(),
  statusCommand(),
  exportCommand(),
  encoderCommand(),
  engineCommand(),
  cacheCommand(),
];
for (const command of commands) program.addCommand(withAdvice(command));

function withAdvice(command: Command): Command {
  for (const inner of command.commands) withAdvice(inner);
  return command.showHelpAfterError('Run the command with --help to see its arguments and flags.');
}

// A recipe in TypeScript imports limbeck. What is loaded before it does not pass through tsx's hooks, which take each
// module to another thread and back.
program.hook('preAction', async () => {
  if (process.argv.some(word => /\.[cm]?ts$/.test(word))) await import('../index.ts');
});

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that closes early, such as `head`, is not a failure.
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error);
}
