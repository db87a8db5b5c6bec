import {Command} from 'commander';
import {withJson} from './flags.ts';

/** `limbeck engine`: which numeric engine runs, and why; and getting the native one. */
export function engineCommand(): Command {
  return withJson(new Command('engine'))
    .description('say which numeric engine runs, and why')
    .action(async flags => (await import('../engine.ts')).runShow(flags))
    .addCommand(
      withJson(new Command('install'))
        .description('get the native engine where npm could not: TensorFlow’s library comes from a Python wheel')
        .action(async (_flags, command) => (await import('../engine.ts')).runInstall(command.optsWithGlobals())),
    )
    .addCommand(
      withJson(new Command('remove'))
        .description('remove the native engine that `install` got')
        .action(async (_flags, command) => (await import('../engine.ts')).runRemove(command.optsWithGlobals())),
    );
}
