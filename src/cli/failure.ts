import {LimbeckError} from '../errors.ts';
import {withoutSecrets} from '../secrets.ts';

/** Exit code of a command that a person stopped: 128 + SIGINT, as in shells. */
const STOPPED = 130;

/** Reports an error on stderr and returns the exit code. Errors that limbeck expects need no stack trace. */
export function reportFailure(error: unknown): number {
  if (isAbort(error)) {
    process.stderr.write('Stopped. Every answer that was bought is kept. Run the same command again to continue.\n');
    return STOPPED;
  }
  if (error instanceof LimbeckError) {
    say(`limbeck: ${error.message}\n${causes(error)}`);
    return 1;
  }
  say(`limbeck: unexpected failure\n${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

function say(text: string): void {
  process.stderr.write(withoutSecrets(text));
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** The causes of an error, one on each line, except those that its message already contains. */
function causes(error: Error): string {
  let lines = '';
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (!error.message.includes(cause.message)) lines += `  because: ${cause.message}\n`;
  }
  return lines;
}
