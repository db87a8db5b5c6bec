import {Command, Option} from 'commander';
import {positive} from '../numbers.ts';
import {withJson} from './flags.ts';

const ENDINGS = '.jsonl, .jsonl.gz or .parquet';

/** `limbeck export WHAT`: a student as a web page, or knowledge as files for other trainers. */
export function exportCommand(): Command {
  return withJson(new Command('export'))
    .description('make a web page of a student, or of knowledge a file for other trainers')
    .argument('<what>', 'the folder of a saved student, or the file of knowledge that `label` saved')
    .addOption(
      new Option('--web <folder>', 'of a student: a page that runs it in the browser').conflicts(['chat', 'records']),
    )
    .option('--title <text>', 'with --web: the title (default: what the classes are)')
    .addOption(
      new Option('--chat <file>', `of knowledge: conversations, for TRL or Axolotl; ${ENDINGS}`).conflicts('records'),
    )
    .option('--prompt <text>', 'with --chat: what the user says, with {text} where the text stands (default: {text})')
    .option('--system <text>', 'with --chat: what the system says first')
    .option('--records <file>', `of knowledge: texts with label and probabilities; ${ENDINGS}`)
    .option('--top <k>', 'with --records: only the k most probable classes', positive)
    .action(async (what, flags) => (await import('../export.ts')).runExport(what, flags));
}
