import {setTimeout as sleep} from 'node:timers/promises';
import {InputError, TeacherError} from '../../src/errors.ts';
import {durationText, type Patience, readDuration} from '../../src/service-features.ts';
import type {Reply} from '../../src/teacher.ts';

export interface WaitOptions {
  /**
   * How long requests wait for a server that is still loading: milliseconds, or a text such as `10m`. Refused
   * connections, 503 before the first answer, and replies that say that a model is loading are waited for. `--wait`
   * replaces it.
   *
   * @default 0: they fail at once, and are retried as all failures are
   */
  readonly wait?: number | string;
}

/** For messages about a server that can be loading. */
export const WAIT_ADVICE = 'If it is still loading, `--wait 10m` waits for it.';

/** Milliseconds between two attempts. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;

/** The patience of one connection with a server that is still loading. Attempts that it repeats count for nothing. */
export class Waiting {
  readonly #teacher: string;
  #wait: number;
  #onWait: Patience['onWait'] = () => {};
  /** The end of the wait under way. */
  #until: number | undefined;
  #hasAnswered = false;

  /** @throws InputError if `wait` is no duration */
  constructor(teacher: string, {wait = 0}: WaitOptions) {
    this.#teacher = teacher;
    this.#wait = millisecondsOf(wait);
  }

  get isPatient(): boolean {
    return this.#wait > 0;
  }

  configure({wait = this.#wait, onWait}: Patience): void {
    this.#wait = wait;
    this.#onWait = onWait;
  }

  /**
   * Repeats an attempt until the server has loaded.
   *
   * @param isLoading - true if a reply says that the server is loading
   * @throws TeacherError if it takes too long
   */
  async through(
    attempt: () => Promise<Reply>,
    signal: AbortSignal | undefined,
    isLoading: (reply: Reply) => boolean = reply => isLoadingReply(reply, this.#hasAnswered),
  ): Promise<Reply> {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(1.5 * pause, LONGEST_PAUSE)) {
      const {reply, reason, cause} = await triedOnce(attempt, isLoading);
      if (reply !== undefined) {
        this.#hasAnswered = true;
        this.#until = undefined;
        return reply;
      }
      this.#begin(reason);
      if (Date.now() >= this.#until!) throw this.#tooLong(reason, cause);
      await sleep(Math.min(pause, this.#until! - Date.now()), undefined, {signal}).catch(() =>
        signal?.throwIfAborted(),
      );
    }
  }

  #begin(reason: string): void {
    if (this.#until !== undefined) return;
    this.#until = Date.now() + this.#wait;
    this.#onWait(
      `Teacher ${this.#teacher} is still loading: ${reason}. Waiting for up to ${durationText(this.#wait)}.`,
    );
  }

  #tooLong(reason: string, cause: unknown): TeacherError {
    const waited = durationText(this.#wait);
    const problem = `It was still loading after ${waited}: ${reason}. See its own log, or wait longer (\`--wait\`, \`wait\`).`;
    return new TeacherError(this.#teacher, problem, {cause});
  }
}

function millisecondsOf(wait: number | string): number {
  const milliseconds = typeof wait === 'string' ? readDuration(wait) : wait;
  if (milliseconds !== undefined && milliseconds >= 0 && milliseconds < Number.POSITIVE_INFINITY) return milliseconds;
  throw new InputError(`\`wait\` is no duration: ${wait}. Give milliseconds, or a text such as "10m".`);
}

interface Tried {
  /** Undefined if the server is loading. */
  readonly reply?: Reply;
  readonly reason: string;
  readonly cause?: unknown;
}

async function triedOnce(attempt: () => Promise<Reply>, isLoading: (reply: Reply) => boolean): Promise<Tried> {
  try {
    const reply = await attempt();
    return isLoading(reply) ? {reason: `it answers ${reply.status}`} : {reply, reason: ''};
  } catch (error) {
    if (!(error instanceof TeacherError) || error.inDoubt || !isAbsent(error.cause)) throw error;
    return {reason: 'nothing answers yet', cause: error.cause};
  }
}

/** True if nothing listens at the address, or the proxy finds nothing there. */
function isAbsent(cause: unknown): boolean {
  const {code, message} = (cause ?? {}) as {readonly code?: string; readonly message?: string};
  return code === 'ECONNREFUSED' || code === 'ENOENT' || /^Proxy response \(50[234]\)/.test(message ?? '');
}

/** What servers say while they load: llama.cpp, Hugging Face, Ollama, TorchServe, KServe, SageMaker. */
const LOADING =
  /\bloading (the )?model|\b(currently|still|being) load(ing|ed)|"estimated_time"|not (yet )?(loaded|ready)\b|ModelNotReady/i;

/** True if a reply says that the model is loading. Before the first answer, 503 alone says so. */
export function isLoadingReply({status, body}: Reply, hasAnswered: boolean): boolean {
  if (status === 503 && !hasAnswered) return true;
  return [425, 429, 500, 502, 503, 504].includes(status) && LOADING.test(body);
}
