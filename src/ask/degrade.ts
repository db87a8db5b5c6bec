import {KnowledgeError} from '../errors.ts';
import {coarsen, describeDetail, satisfies} from '../knowledge/coarsen.ts';
import type {Access, Answer, AnswerOf, AskOptions, Detail, Outcome, Question, Reply, Teacher} from '../teacher.ts';
import {showsKind} from './layer.ts';

export interface DegradeOptions<A extends Access = Access> {
  /** The level to show; no more than the teacher's own. */
  readonly access: A;
  /** What every answer then holds. */
  readonly detail: Detail;
}

const RANK: Readonly<Record<Access, number>> = {'black-box': 0, 'gray-box': 1, 'white-box': 2};

/**
 * A teacher that shows less than it could. It asks for what it shows, whatever less a question wants, so one set of
 * kept answers of the full teacher serves every level.
 *
 * @throws KnowledgeError where it would show more than the teacher does, or what the level may not show
 */
export function degrade<A extends Access>(teacher: Teacher, {access, detail}: DegradeOptions<A>): Teacher<A> {
  const shown = describeDetail(detail);
  if (RANK[access] > RANK[teacher.access] || !satisfies(teacher.detail, detail)) {
    throw new KnowledgeError(
      `Teacher ${teacher.name} is ${teacher.access} and gives ${describeDetail(teacher.detail)}: ` +
        `it can't be shown as ${access} with ${shown}. Name a level and a detail that it holds.`,
    );
  }
  if (!showsKind(access, detail.kind)) {
    throw new KnowledgeError(`A ${access} teacher doesn't show ${shown}. Name another level or another detail.`);
  }
  const show = (outcome: Outcome): Outcome<A> => {
    if ('error' in outcome) return outcome;
    const answer: Answer = coarsen(outcome.answer, detail, teacher.classes.length);
    return {answer: answer as AnswerOf<A>};
  };
  const ask = async (questions: readonly Question[], options: AskOptions = {}) => {
    const wanted = options.detail ?? detail;
    if (!satisfies(detail, wanted)) {
      throw new KnowledgeError(`Teacher ${name} shows ${shown}, and ${describeDetail(wanted)} was asked for.`);
    }
    return (await teacher.ask(questions, {...options, detail})).map(show);
  };
  const name = `${teacher.name} as ${access}`;
  const identity = {...teacher.identity, shown: {access, detail}};
  const {classes, maxBatch, concurrency = 1, service} = teacher;
  const read = (reply: Reply, count: number) => service!.read(reply, count, detail).map(show);
  return {
    name,
    identity,
    access,
    classes,
    detail,
    maxBatch,
    concurrency,
    ...(service && {service: {...service, read}}),
    ask,
  };
}
