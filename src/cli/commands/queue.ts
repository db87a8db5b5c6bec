import {Command} from 'commander';
import {chosenCache, positive, withCacheFlag, withJson} from './flags.ts';

const URL_HELP = 'the Redis of the queue: redis://HOST:PORT/DB';

/** `limbeck worker URL` answers ranges of the runs of a queue. */
export function workerCommand(): Command {
  return withCacheFlag(new Command('worker'))
    .description('ask the teachers for the runs of a queue, until Ctrl-C; run any number of them, on any machine')
    .argument('<url>', URL_HELP)
    .option('--recipe <path>', 'the recipe’s module (default: where the run has it, in this folder)')
    .option('--ranges <count>', 'ranges at once', positive, 2)
    .action(async (url, flags, command) => {
      const cache = chosenCache(command);
      return (await import('../worker.ts')).runWorker(url, {...flags, cache});
    });
}

/** `limbeck queue` looks at the runs of a queue, and acts on them. */
export function queueCommand(): Command {
  return new Command('queue')
    .description('look at labelling on a queue, stop it and go on')
    .addCommand(
      queueSubcommand('status')
        .description('the runs, their ranges, the workers and what they hold')
        .action(async (url, flags) => (await import('../queue.ts')).runQueueStatus(url, flags)),
    )
    .addCommand(
      queueSubcommand('drain')
        .description('begin no further range; those that workers hold are finished')
        .action(async (url, flags) => (await import('../queue.ts')).runDrain(url, flags)),
    )
    .addCommand(
      queueSubcommand('resume')
        .description('begin ranges again after `drain`')
        .action(async (url, flags) => (await import('../queue.ts')).runResume(url, flags)),
    )
    .addCommand(
      queueSubcommand('dead')
        .description('list the ranges that failed, with their reasons')
        .action(async (url, flags) => (await import('../queue.ts')).runDead(url, flags)),
    )
    .addCommand(
      queueSubcommand('retry')
        .description('put the ranges that failed back')
        .action(async (url, flags) => (await import('../queue.ts')).runRetry(url, flags)),
    );
}

function queueSubcommand(name: string): Command {
  return withJson(new Command(name))
    .argument('<url>', URL_HELP)
    .option('--run <name>', 'only runs with this recipe’s name or this id (default: all)');
}
