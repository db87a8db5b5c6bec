#!/usr/bin/env node
import {Command} from 'commander';
import {packageVersion} from '../version.ts';
import {cacheCommand} from './cache.ts';
import {compareCommand} from './compare.ts';
import {engineCommand} from './engine.ts';
import {evaluateCommand} from './evaluate.ts';
import {reportFailure} from './failure.ts';
import {labelCommand} from './label.ts';
import {predictCommand} from './predict.ts';
import {serveCommand} from './serve.ts';
import {trainCommand} from './train.ts';

const program = new Command('limbeck')
  .description('Distil any teacher that can be reached into a small local student.')
  .version(packageVersion())
  .showHelpAfterError('Run the command with --help to see what it takes.')
  .addCommand(compareCommand())
  .addCommand(labelCommand())
  .addCommand(trainCommand())
  .addCommand(evaluateCommand())
  .addCommand(predictCommand())
  .addCommand(serveCommand())
  .addCommand(engineCommand())
  .addCommand(cacheCommand());

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error);
}
