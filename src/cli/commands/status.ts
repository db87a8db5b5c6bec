import {Command} from 'commander';
import {withJson} from './flags.ts';

/** `limbeck status URL` reports the state of a service of `limbeck serve`. */
export function statusCommand(): Command {
  return withJson(new Command('status'))
    .description(
      'report the state of a service of `limbeck serve`: coverage, agreement, calls and money saved, demoted or not',
    )
    .argument('<url>', 'its address, such as http://127.0.0.1:8080')
    .addHelpText(
      'after',
      '\nIf the service requires a key, set LIMBECK_SERVE_KEY. If it holds several, the first is sent.',
    )
    .action(async (url, flags) => (await import('../status.ts')).runStatus(url, flags));
}
