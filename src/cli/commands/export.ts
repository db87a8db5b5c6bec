import {Command, Option} from 'commander';
import {positive} from '../numbers.ts';
import {withJson} from './flags.ts';

const ENDINGS = '.jsonl, .jsonl.gz or .parquet';

/** `limbeck export WHAT` writes a student as a web page, or knowledge as files for other trainers. */
export function exportCommand(): Command {
  return withJson(new Command('export'))
    .description('make a web page from a student, or a file for other trainers from knowledge')
    .argument('<what>', 'the folder of a saved student, or the file of knowledge that `label` saved')
    .addOption(
      new Option('--web <folder>', 'from a student: a page that runs it in the browser').conflicts(['chat', 'records']),
    )
    .option('--title <text>', 'with --web: the title (default: the names of the classes)')
    .addOption(
      new Option('--chat <file>', `from knowledge: conversations, for TRL or Axolotl; ${ENDINGS}`).conflicts('records'),
    )
    .option(
      '--prompt <text>',
      'with --chat: the user’s message, with {text} as the placeholder of the text (default: {text})',
    )
    .option('--system <text>', 'with --chat: the system message')
    .option('--records <file>', `from knowledge: texts with label and probabilities; ${ENDINGS}`)
    .option('--top <k>', 'with --records: only the k most probable classes', positive)
    .action(async (what, flags) => (await import('../export.ts')).runExport(what, flags));
}
