#!/usr/bin/env node
import {Command} from 'commander';
import {packageVersion} from '../version.ts';
import {auditCommand} from './audit.ts';
import {cacheCommand} from './cache/cache.ts';
import {compareCommand} from './compare.ts';
import {engineCommand} from './engine.ts';
import {evaluateCommand} from './evaluate.ts';
import {exportCommand} from './export.ts';
import {reportFailure} from './failure.ts';
import {initCommand} from './init/init.ts';
import {labelCommand} from './label.ts';
import {planCommand} from './plan.ts';
import {predictCommand} from './predict.ts';
import {probeCommand} from './probe.ts';
import {serveCommand} from './serve.ts';
import {statusCommand} from './status.ts';
import {trainCommand} from './train.ts';

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
  return command.showHelpAfterError('Run the command with --help to see what it takes.');
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough, such as `head`, is no failure.
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error);
}
