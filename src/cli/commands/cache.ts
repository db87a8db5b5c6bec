import {Command, Option} from 'commander';
import type {LogFormat} from '../../data/logs/rows.ts';
import {levelOption, positive, wholeNumber, withCacheFlag, withJson} from './flags.ts';

const LOG_FORMATS: readonly LogFormat[] = ['jsonl', 'csv', 'tsv', 'parquet'];

/** `limbeck cache` lists, checks, deletes, exports and imports kept answers. */
export function cacheCommand(): Command {
  return new Command('cache')
    .description('look at the answers that are kept')
    .addCommand(
      cacheSubcommand('stats')
        .description('count the answers of each teacher')
        .action(async flags => (await import('../cache/entries.ts')).runStats(flags)),
    )
    .addCommand(
      cacheSubcommand('list')
        .description('list answers, a line each')
        .option('--limit <count>', 'how many at most', positive, 20)
        .action(async flags => (await import('../cache/entries.ts')).runList(flags)),
    )
    .addCommand(
      cacheSubcommand('verify')
        .description('check every answer: its key, its values and its detail')
        .action(async flags => (await import('../cache/entries.ts')).runVerify(flags)),
    )
    .addCommand(
      cacheSubcommand('explain')
        .description('say if an input of a recipe is served from the cache, and if not, why')
        .argument('<recipe>', 'a module that exports a recipe by default')
        .option('--input <index>', 'index of the input', wholeNumber, 0)
        .addOption(
          new Option('--split <name>', 'what `--input` counts in: the transfer set or the test split')
            .choices(['transfer', 'test'])
            .default('transfer'),
        )
        .addOption(levelOption('of this level (default: the first of the recipe, or of the test split the one asked)'))
        .action(async (recipe, flags) => (await import('../cache/explain.ts')).runExplain(recipe, flags)),
    )
    .addCommand(
      new Command('quarantine')
        .description('look at the queries whose replies could not be read, which are not asked again')
        .addCommand(
          cacheSubcommand('list')
            .description('list them: the beginning of the input, the teacher’s reply and the nearest class')
            .action(async flags => (await import('../cache/entries.ts')).runQuarantineList(flags)),
        ),
    )
    .addCommand(
      cacheSubcommand('rebuild')
        .description('rebuild a lost, damaged or incomplete cache from the journal')
        .argument(
          '[recipe]',
          'a module that exports a recipe by default; its teachers read raw replies without a recorded answer',
        )
        .action(async (recipe, flags) => (await import('../cache/rebuild.ts')).runRebuild(recipe, flags)),
    )
    .addCommand(
      cacheSubcommand('export')
        .description('write the answers to one file that can be imported anywhere')
        .argument('<file>', 'the file, for example answers.jsonl.gz')
        .option('--teacher <text>', 'only those of teachers whose name contains this')
        .action(async (file, flags) => (await import('../cache/entries.ts')).runExport(file, flags)),
    )
    .addCommand(
      withLogOptions(cacheSubcommand('import'))
        .description('add the answers of an exported file, or of logs of other programs')
        .argument('[file]', 'a file of `limbeck cache export`')
        .action(async (file, flags) => (await import('../cache/import.ts')).runImport(file, flags)),
    )
    .addCommand(
      cacheSubcommand('delete')
        .description('delete answers, so that the teacher is asked again')
        .argument('<keys...>', 'keys, as `list` and the messages of --offline show them')
        .action(async (keys, flags) => (await import('../cache/entries.ts')).runDelete(keys, flags)),
    );
}

function cacheSubcommand(name: string): Command {
  return withJson(withCacheFlag(new Command(name)));
}

/** The options of an import from the logs of other programs. */
function withLogOptions(command: Command): Command {
  return command
    .option('--from <files...>', 'logs with texts and their answers: JSON lines, CSV or Parquet, zipped or not')
    .option('--teacher <recipe#level>', 'with `--from`: whose answers they are, such as recipe.ts#black-box')
    .option('--batch-input <files...>', 'with `--from`: the requests, if the log holds the results of a batch')
    .option('--text <field>', 'the field of the text or of the messages that hold it (default: found)')
    .option('--label <field>', 'the field of the label or of the reply (default: found)')
    .option('--probabilities <field>', 'the field of probabilities by class, or columns such as p_* (default: found)')
    .option('--logprobs <field>', 'the field of log-probabilities by class or by token (default: found)')
    .option('--date <field>', 'the field of the date (default: found)')
    .option('--model <field>', 'the field of the model (default: found)')
    .option('--prompt <text>', 'the prompt of the log, with {text} for the text (default: that of the recipe)')
    .addOption(
      new Option('--format <name>', 'how the logs are stored (default: by their endings)').choices(LOG_FORMATS),
    )
    .option('--last', 'the last of several answers about one text counts, not the first')
    .option('--replace', 'replace answers that are kept')
    .option('--dry-run', 'say what would be imported, and import nothing');
}
