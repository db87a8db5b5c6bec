import type {Access, Answer, AnswerOf, Teacher} from '../teacher.ts';

/** A teacher with some of its fields replaced: what every layer returns. */
export function layerOver<A extends Access>(
  teacher: Teacher<A>,
  changes: Pick<Teacher<A>, 'ask'> & Partial<Teacher<A>>,
): Teacher<A> {
  const {name, identity, access, classes, detail, maxBatch, concurrency = 1, service} = teacher;
  return {name, identity, access, classes, detail, maxBatch, concurrency, ...(service && {service}), ...changes};
}

const KINDS: Readonly<Record<Access, readonly Answer['kind'][]>> = {
  'black-box': ['label', 'votes'],
  'gray-box': ['top-k', 'log-probabilities', 'logits'],
  'white-box': ['logits'],
};

/** Whether a level of access may show answers of this kind. */
export function showsKind(access: Access, kind: Answer['kind']): boolean {
  return KINDS[access].includes(kind);
}

/** Whether an answer is one that a level of access may show. */
export function isAnswerOf<A extends Access>(access: A, answer: Answer): answer is AnswerOf<A> {
  return showsKind(access, answer.kind);
}
