import {appendFile, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {AnswerStoreError} from '../../errors.ts';
import type {Journal} from '../../store/journal/journal.ts';
import type {Access} from '../../teacher.ts';
import {keyed} from '../keyed.ts';
import {type LayeredTeacher, layerOver} from '../layer.ts';
import type {OnNote} from '../notes.ts';

/** Queries that can be paid for twice. */
export interface InDoubt {
  readonly keys: readonly string[];
  /** The file that lists them once they are told, and those of earlier runs: a time and a key per line. */
  readonly path: string;
}

/** How many keys a note names. */
const NAMED = 3;

/** The file in a journal's folder that lists the queries in doubt. */
export function doubtsIn(folder: string): string {
  return join(folder, 'in-doubt.txt');
}

/** Tells of queries that can be paid for twice: each once, before it is asked again. */
export class Doubts {
  /** The file that lists them. */
  readonly path: string;
  readonly #journal: Journal;
  readonly #onNote: OnNote;
  /** The queries that earlier runs left, and nobody was told of. */
  readonly #untold: Set<string>;
  /** Runs one after another, so that nothing is taken over twice. */
  #last: Promise<void> = Promise.resolve();

  /** @param folder - of the journal */
  constructor(journal: Journal, folder: string, onNote: OnNote) {
    this.path = doubtsIn(folder);
    this.#journal = journal;
    this.#onNote = onNote;
    this.#untold = new Set(journal.recovered.inDoubt);
  }

  /** Nobody is told of a query that has its answer. */
  settle(keys: readonly string[]): void {
    for (const key of keys) this.#untold.delete(key);
    this.#journal.settled(keys);
  }

  /**
   * Tells of those queries that an earlier run left in doubt.
   *
   * @param keys - of queries that are about to be asked
   */
  async tell(keys: readonly string[]): Promise<void> {
    if (this.#untold.size === 0) return;
    const {replies} = this.#journal.recovered;
    const doubted = keys.filter(key => this.#untold.has(key) && !replies.has(key));
    if (doubted.length === 0) return;
    for (const key of doubted) this.#untold.delete(key);
    await this.#list(doubted);
    const named = doubted.slice(0, NAMED).map(key => key.slice(0, 12));
    if (doubted.length > NAMED) named.push('…');
    this.#onNote(
      `An earlier run ended while ${doubted.length} inputs were under way (${named.join(', ')}; all in ${this.path}): ` +
        'they may have been charged for, and are asked about again.',
    );
    await this.#journal.told(doubted);
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
    await this.#list(keys);
    this.#onNote(
      `A process that shares the cache ended or fell silent while ${keys.length} inputs were its own (all in ${this.path}): ` +
        'they may have been charged for, and are asked about again.',
    );
    await this.#journal.told(keys);
  }

  /**
   * Adds the keys that the list does not hold yet.
   *
   * @throws AnswerStoreError if the list can't be read or written
   */
  async #list(keys: readonly string[]): Promise<void> {
    const now = new Date().toISOString();
    try {
      const listed = new Set((await this.#listed()).split('\n').map(line => line.split(' ')[1]));
      const lines = keys.filter(key => !listed.has(key)).map(key => `${now} ${key}\n`);
      await appendFile(this.path, lines.join(''));
    } catch (cause) {
      throw new AnswerStoreError(
        `${this.path} can't be written: ${(cause as Error).message}. Check its permissions and the free disk space; ` +
          'nothing is bought before the queries in doubt are listed.',
        {cause},
      );
    }
  }

  async #listed(): Promise<string> {
    return readFile(this.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
  }
}

/** Tells of a teacher's queries in doubt before they are asked again. */
export function withDoubtsTold<A extends Access>(teacher: LayeredTeacher<A>, doubts: Doubts): LayeredTeacher<A> {
  return layerOver(teacher, {
    async ask(queries, options) {
      await doubts.tell(queries.map(query => keyed(teacher, query).key));
      return teacher.ask(queries, options);
    },
  });
}
