import type {Reply} from '../../src/teacher.ts';

interface OpenQuery {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
  /** True if the program can have read it. */
  isWritten: boolean;
}

/** The queries that a program has not answered yet. */
export class OpenQueries {
  readonly #timeout: number;
  readonly #onSilence: () => void;
  readonly #open = new Map<number, OpenQuery>();
  /** Queries whose answers nobody waits for any more. */
  readonly #abandoned = new Set<number>();
  /** Keeps this process alive while there are queries. Nothing else of the child does. */
  #silence: NodeJS.Timeout | undefined;

  /** @param onSilence - called if no query is answered for `timeout` milliseconds */
  constructor(timeout: number, onSilence: () => void) {
    this.#timeout = timeout;
    this.#onSilence = onSilence;
  }

  /** Adds a query. Resolves with its answer. */
  add(id: number, signal: AbortSignal | undefined): Promise<Reply> {
    this.#silence ??= setTimeout(this.#onSilence, this.#timeout);
    return new Promise((resolve, reject) => {
      const abort = () => {
        const asked = this.#take(id);
        if (asked?.isWritten) this.#abandoned.add(id);
        asked?.reject(signal?.reason);
      };
      const settling = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          signal?.removeEventListener('abort', abort);
          settle(value);
        };
      };
      signal?.addEventListener('abort', abort);
      this.#open.set(id, {resolve: settling(resolve), reject: settling(reject), isWritten: false});
    });
  }

  /** Call this before a query is written. @returns false if nobody waits for it any more */
  write(id: number): boolean {
    const asked = this.#open.get(id);
    if (asked) asked.isWritten = true;
    return asked !== undefined;
  }

  /** @returns false if no query with this number awaits an answer */
  answer(id: number, reply: Reply): boolean {
    if (this.#abandoned.delete(id)) return true;
    const asked = this.#take(id);
    this.#silence?.refresh();
    asked?.resolve(reply);
    return asked !== undefined;
  }

  /** @param errorOf - gives the error of a query that was written or not */
  fail(errorOf: (isWritten: boolean) => Error): void {
    for (const [id, {isWritten}] of this.#open) this.#take(id)?.reject(errorOf(isWritten));
  }

  #take(id: number): OpenQuery | undefined {
    const asked = this.#open.get(id);
    this.#open.delete(id);
    if (this.#open.size === 0) {
      clearTimeout(this.#silence);
      this.#silence = undefined;
    }
    return asked;
  }
}
