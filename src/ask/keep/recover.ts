import {appendFile, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {AnswerStoreError, TeacherError} from '../../errors.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import type {Journal, Quarantined} from '../../store/journal/journal.ts';
import {Quarantine} from '../../store/quarantine.ts';
import type {Access, Detail, Query} from '../../teacher.ts';
import type {Bought} from '../calls.ts';
import {askOthers, keyed, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import {receiptOf} from '../ledger.ts';
import type {OnNote} from '../notes.ts';
import {type Replies, readReply} from './kept-reply.ts';

/** The replies and the quarantine that earlier runs left. */
export type Recovery = Pick<Journal, 'recovered' | 'received' | 'quarantined' | 'settled' | 'read'>;

interface RecoverOptions {
  readonly journal: Recovery;
  /**
   * True to ask again about quarantined queries.
   *
   * @default false
   */
  readonly retryQuarantined?: boolean;
  /** Tells of queries in doubt whose earlier replies can't be read. @default nobody is told */
  readonly doubts?: Pick<Doubts, 'tell'> | undefined;
}

/**
 * Answers from replies that were paid for and kept, but not read: their process ended before, or its reader could not
 * read them. A quarantined query is not asked again, unless the options say so.
 */
export function withRecovery<A extends Access>(
  teacher: LayeredTeacher<A>,
  {journal, retryQuarantined = false, doubts}: RecoverOptions,
): LayeredTeacher<A> {
  const {service} = teacher;
  if (service === undefined) return teacher;
  const recover = async (key: string, query: Query, detail: Detail): Promise<Bought<A> | undefined> => {
    const quarantined = journal.quarantined.get(key);
    const location = journal.recovered.replies.get(key) ?? quarantined?.place;
    const queries = new Map([[key, query]]);
    const read = location && (await readReply({replies: journal, service, location, detail, queries}));
    const outcome = read?.outcomes.get(key);
    if (read && outcome && 'answer' in outcome) {
      const done = () => journal.settled([key]);
      const isOfEarlierRun = !journal.received.has(key);
      return {...outcome, call: {location: location, receipt: receiptOf(service, read.reply), isOfEarlierRun, done}};
    }
    if (quarantined === undefined || retryQuarantined) return undefined;
    return {
      error: quarantineError(teacher.name, quarantined, outcome && 'error' in outcome ? outcome.error : undefined),
    };
  };
  const askOrRecover = async (queries: readonly Query[], options: LayerOptions) => {
    const {detail = withoutFeatures(teacher.detail)} = options;
    const known = new Map<number, Bought<A>>();
    const unread: string[] = [];
    for (const [index, query] of queries.entries()) {
      const {key} = keyed(teacher, query);
      if (!journal.recovered.replies.has(key) && !journal.quarantined.has(key)) continue;
      const outcome = await recover(key, query, detail);
      if (outcome) known.set(index, outcome);
      else unread.push(key);
    }
    await doubts?.tell(unread, {areUnreadable: true});
    return askOthers(teacher, queries, known, options);
  };
  const isEmpty = () => journal.recovered.replies.size + journal.quarantined.size === 0;
  return layerOver(teacher, {
    ask: (queries, options = {}) => (isEmpty() ? teacher.ask(queries, options) : askOrRecover(queries, options)),
  });
}

/**
 * The error of a query that is not asked again. No other run answers it either.
 *
 * @param now - the error of the teacher's present reader for the kept reply, which can say more than the first reader
 * did
 */
function quarantineError(teacher: string, then: Quarantined, now: Error | undefined): TeacherError {
  const prefix = `Teacher ${teacher}: `;
  const why = now?.message ?? then.why;
  const problem = why.startsWith(prefix) ? why.slice(prefix.length) : why;
  const said = now instanceof TeacherError ? now.said : then.said;
  return new TeacherError(teacher, `It is quarantined: ${problem} \`--retry-quarantined\` asks about it again.`, {
    said,
  });
}

/**
 * The quarantine of earlier runs, for a run that asks nothing and so has no journal. If the teacher's present reader
 * can read a kept reply, its query leaves the quarantine.
 */
export function offlineRecovery(directory: string, replies: Replies): Recovery & {readonly skipped: readonly string[]} {
  const quarantine = new Quarantine(directory);
  return {
    recovered: {inDoubt: [], replies: new Map()},
    received: new Map(),
    quarantined: quarantine.byKey,
    skipped: quarantine.skipped,
    settled: keys => quarantine.settle(keys),
    read: location => replies.read(location),
  };
}

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
   * @param areUnreadable - true if replies to them that came before can't be read. Other queries with a reply may need no
   * request
   * @default areUnreadable false
   */
  async tell(keys: readonly string[], {areUnreadable = false}: {readonly areUnreadable?: boolean} = {}): Promise<void> {
    if (this.#untold.size === 0) return;
    const {replies} = this.#journal.recovered;
    const doubted = keys.filter(key => this.#untold.has(key) && (areUnreadable || !replies.has(key)));
    if (doubted.length === 0) return;
    for (const key of doubted) this.#untold.delete(key);
    await this.#list(doubted);
    const named = doubted.slice(0, NAMED).map(key => key.slice(0, 12));
    if (doubted.length > NAMED) named.push('…');
    this.#onNote(
      `An earlier run ended while ${doubted.length} inputs were under way (${named.join(', ')}; all in ${this.path}): ` +
        'they may have been charged for, and are asked about again.',
    );
    await this.#journal.told(doubted, {areUnreadable});
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
