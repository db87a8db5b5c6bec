import {LimbeckError} from '../errors.ts';
import {withoutSecrets} from '../secrets.ts';

/** Exit code of a command that a person stopped: 128 + SIGINT, as shells have it. */
const STOPPED = 130;

/** Says on stderr what went wrong and returns the exit code. What limbeck foresaw needs no stack trace. */
export function reportFailure(error: unknown): number {
  if (isAbort(error)) {
    process.stderr.write('Stopped. Every answer that was bought is kept: the same command goes on from there.\n');
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

/** The causes of an error, a line each, save those that its message tells of already. */
function causes(error: Error): string {
  let lines = '';
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (!error.message.includes(cause.message)) lines += `  because: ${cause.message}\n`;
  }
  return lines;
}
