import type {AnswerOf, Outcome, Teacher} from '../../../src/teacher.ts';
import {type FakeTeacher, fakeTeacher} from '../fake-teacher.ts';

/** A gray-box teacher that answers every number with this distribution. */
export function scoring(
  name: string,
  probabilities: readonly number[],
  fields: Partial<Teacher<'gray-box'>> = {},
): FakeTeacher<'gray-box'> {
  const logProbabilities = Float32Array.from(probabilities, Math.log);
  return answering(
    name,
    {kind: 'log-probabilities', logProbabilities},
    {detail: {kind: 'log-probabilities'}, ...fields},
  );
}

/** A gray-box teacher that names these classes, the most probable first. */
export function naming(
  name: string,
  named: readonly (readonly [index: number, probability: number])[],
  fields: Partial<Teacher<'gray-box'>> = {},
): FakeTeacher<'gray-box'> {
  const answer = {
    kind: 'top-k',
    classes: Int32Array.from(named, ([index]) => index),
    logProbabilities: Float32Array.from(named, ([, probability]) => Math.log(probability)),
    rest: 1 - named.reduce((sum, [, probability]) => sum + probability, 0),
  } as const;
  return answering(name, answer, {detail: {kind: 'top-k', k: named.length}, ...fields});
}

function answering(
  name: string,
  answer: AnswerOf<'gray-box'>,
  fields: Pick<Teacher<'gray-box'>, 'detail'> & Partial<Teacher<'gray-box'>>,
): FakeTeacher<'gray-box'> {
  return fakeTeacher<'gray-box'>({access: 'gray-box', name, identity: {service: name}, ...fields}, numbers =>
    numbers.map((): Outcome<'gray-box'> => ({answer})),
  );
}

/** A black-box teacher that answers a number with the number plus `shift`, modulo 3. */
export function voting(name: string, shift = 0, fields: Partial<Teacher<'black-box'>> = {}): FakeTeacher<'black-box'> {
  return fakeTeacher<'black-box'>(
    {access: 'black-box', detail: {kind: 'label'}, name, identity: {service: name}, ...fields},
    numbers => numbers.map((number): Outcome<'black-box'> => ({answer: {kind: 'label', label: (number + shift) % 3}})),
  );
}

/** Answers of outcomes none of which is an error. */
export function answersIn<A extends 'black-box' | 'gray-box'>(outcomes: readonly Outcome<A>[]): AnswerOf<A>[] {
  return outcomes.map(outcome => {
    if ('error' in outcome) throw outcome.error;
    return outcome.answer;
  });
}

/** The probabilities that an answer names, by class. */
export function probabilitiesIn(answer: AnswerOf<'gray-box'>): Readonly<Record<number, number>> {
  if (answer.kind === 'logits' || answer.kind === 'expected' || answer.kind === 'vector')
    throw new TypeError(`${answer.kind} is no distribution.`);
  const classes = answer.kind === 'top-k' ? [...answer.classes] : [...answer.logProbabilities.keys()];
  return Object.fromEntries(classes.map((index, place) => [index, Math.exp(answer.logProbabilities[place]!)]));
}
