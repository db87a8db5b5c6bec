import {TeacherError} from '../../errors.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import type {Journal, Quarantined} from '../../store/journal/journal.ts';
import {Quarantine} from '../../store/quarantine.ts';
import type {Access, Detail, Query} from '../../teacher.ts';
import {receiptOf} from '../budget/receipt.ts';
import type {Bought} from '../calls.ts';
import {keyed} from '../keyed.ts';
import {askOthers, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
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
}

/**
 * Answers from replies that were paid for and kept, but not read: their process ended before, or its reader could not
 * read them. A quarantined query is not asked again, unless the options say so.
 */
export function withRecovery<A extends Access>(
  teacher: LayeredTeacher<A>,
  {journal, retryQuarantined = false}: RecoverOptions,
): LayeredTeacher<A> {
  const {service} = teacher;
  if (service === undefined) return teacher;
  const recover = async (key: string, detail: Detail): Promise<Bought<A> | undefined> => {
    const quarantined = journal.quarantined.get(key);
    const location = journal.recovered.replies.get(key) ?? quarantined?.place;
    const read = location && (await readReply({replies: journal, service, location: location, detail}));
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
    for (const [index, query] of queries.entries()) {
      const {key} = keyed(teacher, query);
      if (!journal.recovered.replies.has(key) && !journal.quarantined.has(key)) continue;
      const outcome = await recover(key, detail);
      if (outcome) known.set(index, outcome);
    }
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
