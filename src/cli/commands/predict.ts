import {Argument, Command, Option} from 'commander';
import {TEXT_FORMATS} from '../../data/texts/record.ts';
import {withJson} from './flags.ts';

const FILE =
  'for a student of texts: a file (.txt, .jsonl, .csv, .tsv, .parquet, gzipped or not) or a folder of texts; for another: ' +
  'an IDX file, or JSON lines with one array of numbers each';

/** `limbeck predict STUDENT [FILE]` prints a saved student's predictions. */
export function predictCommand(): Command {
  return withTextFlags(withJson(new Command('predict')))
    .description('print a saved student’s predictions: the class and its confidence, or `abstains`')
    .argument('<student>', 'the folder of a saved student')
    .addArgument(new Argument('[file]', FILE).default('-', 'stdin'))
    .addOption(new Option('--jsonl', 'print one JSON object on each line, as they come').conflicts('json'))
    .action(async (student, file, flags) => (await import('../predict.ts')).runPredict(student, file, flags));
}

function withTextFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--format <format>', 'how texts are stored (default: by the file’s name)').choices(TEXT_FORMATS),
    )
    .option('--text <field>', 'the field or column with the text (default: text)')
    .option('--id <field>', 'the field or column with the name of a text (default: id, if there is one)')
    .option('--header', 'the first row of a table names its columns (default: guessed)')
    .option('--no-header', 'the first row of a table is a text')
    .option('--no-quotes', 'quotes have no special meaning in a table')
    .option('--encoding <name>', 'the encoding of texts, such as windows-1252 (default: utf-8)');
}
