import {Command} from 'commander';
import {withJson} from './flags.ts';

/** `limbeck status URL`: how a service of `limbeck serve` fares. */
export function statusCommand(): Command {
  return withJson(new Command('status'))
    .description(
      'say how a service of `limbeck serve` fares: coverage, agreement, calls and money saved, demoted or not',
    )
    .argument('<url>', 'its address, as http://127.0.0.1:8080')
    .addHelpText(
      'after',
      '\nWhere the service asks for a key, LIMBECK_SERVE_KEY holds it; of several the first is sent.',
    )
    .action(async (url, flags) => (await import('../status.ts')).runStatus(url, flags));
}
