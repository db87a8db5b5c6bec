import {digestKey, digestQuestion, type QuestionDigest} from '../store/key.ts';
import type {Question, Teacher} from '../teacher.ts';

/** A question with all that its record needs. */
export interface Keyed {
  readonly key: string;
  readonly digest: QuestionDigest;
}

interface Remembered extends Keyed {
  readonly identity: Teacher['identity'];
}

const remembered = new WeakMap<Question, Remembered>();

/** The key of a question to a teacher. Worked out once, however many layers want it. */
export function keyed({identity}: Pick<Teacher, 'identity'>, question: Question): Keyed {
  const known = remembered.get(question);
  if (known?.identity === identity) return known;
  const digest = known?.digest ?? digestQuestion(question);
  const fresh = {identity, key: digestKey(identity, digest), digest};
  remembered.set(question, fresh);
  return fresh;
}
