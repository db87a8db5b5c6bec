import {Command} from 'commander';
import {positive, wholeNumber} from '../numbers.ts';
import {levelOption, withCacheFlag, withJson} from './flags.ts';

/** `limbeck cache`: look at kept answers, check them, take some out, and carry them elsewhere. */
export function cacheCommand(): Command {
  return new Command('cache')
    .description('look at the answers that are kept')
    .addCommand(
      cacheSubcommand('stats')
        .description('count the answers of each teacher')
        .action(async flags => (await import('../cache/look.ts')).runStats(flags)),
    )
    .addCommand(
      cacheSubcommand('list')
        .description('list answers, a line each')
        .option('--limit <count>', 'how many at most', positive, 20)
        .action(async flags => (await import('../cache/look.ts')).runList(flags)),
    )
    .addCommand(
      cacheSubcommand('verify')
        .description('check every answer: its key, its values, and that it holds what it is said to')
        .action(async flags => (await import('../cache/look.ts')).runVerify(flags)),
    )
    .addCommand(
      cacheSubcommand('explain')
        .description('say whether an input of a recipe is served from the cache, and why not')
        .argument('<recipe>', 'a module that exports a recipe by default')
        .option('--input <index>', 'which input of the transfer set', wholeNumber, 0)
        .addOption(levelOption('of this level (default: the first of the recipe)'))
        .action(async (recipe, flags) => (await import('../cache/explain.ts')).runExplain(recipe, flags)),
    )
    .addCommand(
      new Command('quarantine')
        .description('look at the queries whose replies could not be read, which are not asked again')
        .addCommand(
          cacheSubcommand('list')
            .description('list them: the input’s beginning, what the teacher said and the nearest class')
            .action(async flags => (await import('../cache/quarantine.ts')).runQuarantineList(flags)),
        ),
    )
    .addCommand(
      cacheSubcommand('rebuild')
        .description('put the answers of the journal into a cache that is lost, damaged or lacks some')
        .argument('[recipe]', 'a module that exports a recipe by default: its teachers read what no answer is known of')
        .action(async (recipe, flags) => (await import('../cache/rebuild.ts')).runRebuild(recipe, flags)),
    )
    .addCommand(
      cacheSubcommand('export')
        .description('write the answers to one file that can be imported anywhere')
        .argument('<file>', 'the file, for example answers.jsonl.gz')
        .option('--teacher <text>', 'only those of teachers whose name holds this')
        .action(async (file, flags) => (await import('../cache/portable.ts')).runExport(file, flags)),
    )
    .addCommand(
      cacheSubcommand('import')
        .description('add the answers of an exported file')
        .argument('<file>', 'a file of `limbeck cache export`')
        .action(async (file, flags) => (await import('../cache/portable.ts')).runImport(file, flags)),
    )
    .addCommand(
      cacheSubcommand('delete')
        .description('take answers out, so that they are asked for again')
        .argument('<keys...>', 'keys, as `list` and the messages of --offline show them')
        .action(async (keys, flags) => (await import('../cache/delete.ts')).runDelete(keys, flags)),
    );
}

function cacheSubcommand(name: string): Command {
  return withJson(withCacheFlag(new Command(name)));
}
