import {Command} from 'commander';
import {positive} from '../numbers.ts';
import {runDelete} from './delete.ts';
import {explainCommand} from './explain.ts';
import {runList, runStats, runVerify} from './look.ts';
import {runExport, runImport} from './portable.ts';
import {quarantineCommand} from './quarantine.ts';
import {runRebuild} from './rebuild.ts';
import {withFlags} from './with-store.ts';

/** `limbeck cache`: look at kept answers, check them, take some out, and carry them elsewhere. */
export function cacheCommand(): Command {
  return new Command('cache')
    .description('look at the answers that are kept')
    .addCommand(withFlags(new Command('stats')).description('count the answers of each teacher').action(runStats))
    .addCommand(
      withFlags(new Command('list'))
        .description('list answers, a line each')
        .option('--limit <count>', 'how many at most', positive, 20)
        .action(runList),
    )
    .addCommand(
      withFlags(new Command('verify'))
        .description('check every answer: its key, its values, and that it holds what it is said to')
        .action(runVerify),
    )
    .addCommand(explainCommand())
    .addCommand(quarantineCommand())
    .addCommand(
      withFlags(new Command('rebuild'))
        .description('put the answers of the journal into a cache that is lost, damaged or lacks some')
        .argument('[recipe]', 'a module that exports a recipe by default: its teachers read what no answer is known of')
        .action(runRebuild),
    )
    .addCommand(
      withFlags(new Command('export'))
        .description('write the answers to one file that can be imported anywhere')
        .argument('<file>', 'the file, for example answers.jsonl.gz')
        .option('--teacher <text>', 'only those of teachers whose name holds this')
        .action(runExport),
    )
    .addCommand(
      withFlags(new Command('import'))
        .description('add the answers of an exported file')
        .argument('<file>', 'a file of `limbeck cache export`')
        .action(runImport),
    )
    .addCommand(
      withFlags(new Command('delete'))
        .description('take answers out, so that they are asked for again')
        .argument('<keys...>', 'keys, as `list` and the messages of --offline show them')
        .action(runDelete),
    );
}
