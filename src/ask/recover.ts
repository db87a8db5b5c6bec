import {KnowledgeError} from '../errors.ts';
import {withoutFeatures} from '../knowledge/coarsen.ts';
import type {Journal} from '../knowledge/journal.ts';
import type {Access, Detail, Question} from '../teacher.ts';
import type {Bought} from './calls.ts';
import {readReply} from './kept-reply.ts';
import {keyed} from './keyed.ts';
import {askOthers, type LayeredTeacher, type LayerOptions, layerOver} from './layer.ts';
import {receiptOf} from './receipt.ts';

export interface RecoverOptions {
  readonly journal: Journal;
  /**
   * Whether to ask again about questions that were set aside.
   *
   * @default false
   */
  readonly retriesSetAside?: boolean;
}

/**
 * Answers from replies that were paid for and kept, but not read: their process ended before, or what read them then
 * could not. A question that was set aside is not asked about again, unless that is wished for.
 */
export function withRecovery<A extends Access>(
  teacher: LayeredTeacher<A>,
  {journal, retriesSetAside = false}: RecoverOptions,
): LayeredTeacher<A> {
  const {service} = teacher;
  if (service === undefined) return teacher;
  const recover = async (key: string, detail: Detail): Promise<Bought<A> | undefined> => {
    const aside = journal.setAsides.get(key);
    const place = journal.recovered.replies.get(key) ?? aside?.place;
    const read = place && (await readReply({replies: journal, service, place, detail}));
    const outcome = read?.outcomes.get(key);
    if (read && outcome && 'answer' in outcome) {
      const done = () => journal.settled([key]);
      const isOfEarlierRun = !journal.received.has(key);
      return {...outcome, call: {place, receipt: receiptOf(service, read.reply), isOfEarlierRun, done}};
    }
    if (aside === undefined || retriesSetAside) return undefined;
    return {
      error: new KnowledgeError(`It was set aside: ${aside.why} \`--retry-set-aside\` asks about it again.`),
    };
  };
  const askOrRecover = async (questions: readonly Question[], options: LayerOptions) => {
    const {detail = withoutFeatures(teacher.detail)} = options;
    const known = new Map<number, Bought<A>>();
    for (const [place, question] of questions.entries()) {
      const {key} = keyed(teacher, question);
      if (!journal.recovered.replies.has(key) && !journal.setAsides.has(key)) continue;
      const outcome = await recover(key, detail);
      if (outcome) known.set(place, outcome);
    }
    return askOthers(teacher, questions, known, options);
  };
  const isEmpty = () => journal.recovered.replies.size + journal.setAsides.size === 0;
  return layerOver(teacher, {
    ask: (questions, options = {}) => (isEmpty() ? teacher.ask(questions, options) : askOrRecover(questions, options)),
  });
}
