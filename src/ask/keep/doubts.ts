import {appendFile} from 'node:fs/promises';
import {join} from 'node:path';
import {AnswerStoreError} from '../../errors.ts';
import type {Journal} from '../../store/journal/journal.ts';
import type {OnNote} from '../notes.ts';

/** Queries that may be paid for twice. */
export interface InDoubt {
  readonly keys: readonly string[];
  /** The file that lists them all, and those of earlier runs, a time and a key a line. */
  readonly path: string;
}

/** The file in the folder of a journal that lists what was in doubt. */
export function doubtsIn(folder: string): string {
  return join(folder, 'in-doubt.txt');
}

/** Names what may be paid for twice, before it is asked about again. */
export class Doubts {
  /** The file that lists them. */
  readonly path: string;
  readonly #journal: Journal;
  readonly #onNote: OnNote;
  /** One after the other: what is taken over is taken over once. */
  #last: Promise<void> = Promise.resolve();

  /** @param folder - of the journal */
  constructor(journal: Journal, folder: string, onNote: OnNote) {
    this.path = doubtsIn(folder);
    this.#journal = journal;
    this.#onNote = onNote;
  }

  /**
   * Takes over what processes left in the journal that have ended during this run.
   *
   * @throws AnswerStoreError where the journal can't be read or written
   */
  takeOver(): Promise<void> {
    const taking = this.#last.then(async () => this.name(await this.#journal.takeOver()));
    this.#last = taking.catch(() => {});
    return taking;
  }

  /** Names queries that another process may have asked about and got no answer to. */
  async name(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.list(keys);
    this.#onNote(
      `A process that shares the cache ended or fell silent while ${keys.length} inputs were its own (all in ${this.path}): ` +
        'they may have been charged for, and are asked about again.',
    );
  }

  /** @throws AnswerStoreError where they can't be written down */
  async list(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const now = new Date().toISOString();
    try {
      await appendFile(this.path, keys.map(key => `${now} ${key}\n`).join(''));
    } catch (cause) {
      throw new AnswerStoreError(
        `${this.path} can't be written: ${(cause as Error).message}. Check its permissions and the free disk space; ` +
          'nothing is bought before what is in doubt is written down.',
        {cause},
      );
    }
  }
}
