#!/usr/bin/env node
import {Command} from 'commander';
import {packageVersion} from '../version.ts';
import {auditCommand} from './commands/audit.ts';
import {cacheCommand} from './commands/cache.ts';
import {compareCommand} from './commands/compare.ts';
import {engineCommand} from './commands/engine.ts';
import {evaluateCommand} from './commands/evaluate.ts';
import {exportCommand} from './commands/export.ts';
import {initCommand} from './commands/init.ts';
import {labelCommand} from './commands/label.ts';
import {planCommand} from './commands/plan.ts';
import {predictCommand} from './commands/predict.ts';
import {probeCommand} from './commands/probe.ts';
import {serveCommand} from './commands/serve.ts';
import {statusCommand} from './commands/status.ts';
import {trainCommand} from './commands/train.ts';
import {reportFailure} from './failure.ts';

const program = withAdvice(new Command('limbeck'))
  .description('Distil any teacher that can be reached into a small local student.')
  .version(packageVersion());
const commands = [
  initCommand(),
  compareCommand(),
  planCommand(),
  probeCommand(),
  labelCommand(),
  trainCommand(),
  evaluateCommand(),
  auditCommand(),
  predictCommand(),
  serveCommand(),
  statusCommand(),
  exportCommand(),
  engineCommand(),
  cacheCommand(),
];
for (const command of commands) program.addCommand(withAdvice(command));

function withAdvice(command: Command): Command {
  for (const inner of command.commands) withAdvice(inner);
  return command.showHelpAfterError('Run the command with --help to see its arguments and flags.');
}

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
