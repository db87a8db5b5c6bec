import {Argument, Command, Option} from 'commander';
import {TEXT_FORMATS} from '../../data/texts/record.ts';
import {withJson} from './flags.ts';

const FILE =
  'of a student of texts: a file (.txt, .jsonl, .csv, .tsv, .parquet, gzipped or not) or a folder of texts; of another: ' +
  'an IDX file, or JSON lines with one array of numbers each';

/** `limbeck predict STUDENT [FILE]`: what a saved student says of inputs. */
export function predictCommand(): Command {
  return withTextFlags(withJson(new Command('predict')))
    .description('say what a saved student makes of inputs: the class and how sure it is, or `abstains`')
    .argument('<student>', 'the folder of a saved student')
    .addArgument(new Argument('[file]', FILE).default('-', 'stdin'))
    .addOption(new Option('--jsonl', 'print one JSON object a line, as they come').conflicts('json'))
    .action(async (student, file, flags) => (await import('../predict.ts')).runPredict(student, file, flags));
}

function withTextFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--format <format>', 'how texts are stored (default: as the file’s name says)').choices(TEXT_FORMATS),
    )
    .option('--text <field>', 'the field or column with the text (default: text)')
    .option('--id <field>', 'the field or column with what a text is called (default: id, where there is one)')
    .option('--header', 'the first row of a table names its columns (default: guessed)')
    .option('--no-header', 'the first row of a table is a text')
    .option('--no-quotes', 'quotes mean nothing in a table')
    .option('--encoding <name>', 'what the bytes of texts mean, such as windows-1252 (default: utf-8)');
}
