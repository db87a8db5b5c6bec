import {appendFile} from 'node:fs/promises';
import {join} from 'node:path';
import {AnswerStoreError} from '../../errors.ts';
import type {Journal} from '../../store/journal/journal.ts';
import type {OnNote} from '../notes.ts';

/** Queries that can be paid for twice. */
export interface InDoubt {
  readonly keys: readonly string[];
  /** The file that lists them and those of earlier runs: a time and a key per line. */
  readonly path: string;
}

/** The file in a journal's folder that lists the queries in doubt. */
export function doubtsIn(folder: string): string {
  return join(folder, 'in-doubt.txt');
}

/** Lists queries that can be paid for twice, before they are asked again. */
export class Doubts {
  /** The file that lists them. */
  readonly path: string;
  readonly #journal: Journal;
  readonly #onNote: OnNote;
  /** Runs one after another, so that nothing is taken over twice. */
  #last: Promise<void> = Promise.resolve();

  /** @param folder - of the journal */
  constructor(journal: Journal, folder: string, onNote: OnNote) {
    this.path = doubtsIn(folder);
    this.#journal = journal;
    this.#onNote = onNote;
  }

  /**
   * Takes over the entries of processes in the journal that have ended during this run.
   *
   * @throws AnswerStoreError if the journal can't be read or written
   */
  takeOver(): Promise<void> {
    const taking = this.#last.then(async () => this.name(await this.#journal.takeOver()));
    this.#last = taking.catch(() => {});
    return taking;
  }

  /** Lists queries that another process may have asked without getting an answer. */
  async name(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.list(keys);
    this.#onNote(
      `A process that shares the cache ended or fell silent while ${keys.length} inputs were its own (all in ${this.path}): ` +
        'they may have been charged for, and are asked about again.',
    );
  }

  /** @throws AnswerStoreError if the list can't be written */
  async list(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const now = new Date().toISOString();
    try {
      await appendFile(this.path, keys.map(key => `${now} ${key}\n`).join(''));
    } catch (cause) {
      throw new AnswerStoreError(
        `${this.path} can't be written: ${(cause as Error).message}. Check its permissions and the free disk space; ` +
          'nothing is bought before the queries in doubt are listed.',
        {cause},
      );
    }
  }
}
