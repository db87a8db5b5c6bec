import {Command} from 'commander';
import {withJson} from './flags.ts';

/** `limbeck engine` shows which numeric engine runs, and installs the native one. */
export function engineCommand(): Command {
  return withJson(new Command('engine'))
    .description('say which numeric engine runs, and why')
    .action(async flags => (await import('../engine.ts')).runShow(flags))
    .addCommand(
      withJson(new Command('install'))
        .description('install the native engine if npm could not; TensorFlow’s library comes from a Python wheel')
        .action(async (_flags, command) => (await import('../engine.ts')).runInstall(command.optsWithGlobals())),
    )
    .addCommand(
      withJson(new Command('remove'))
        .description('remove the native engine that `install` installed')
        .action(async (_flags, command) => (await import('../engine.ts')).runRemove(command.optsWithGlobals())),
    );
}
