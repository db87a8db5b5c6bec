import {describe, expect, it} from 'vitest';
import {RefusedQuestions} from '../../../src/ask/refusals/refused-questions.ts';
import {TeacherError} from '../../../src/errors.ts';
import type {Question} from '../../../src/question.ts';
import type {Outcome, Query} from '../../../src/teacher.ts';
import {about} from '../fake-teacher.ts';
import {parity, size} from '../questioned-teacher.ts';

const answer: Outcome<'black-box'> = {answer: {kind: 'label', label: 0}};
const refused = {error: new TeacherError('a clerk', 'It takes fewer levels.', {status: 422, refusal: 'of-input'})};
const other = {error: new TeacherError('a clerk', 'It is overloaded.', {status: 503, retryable: true})};
const both = (query: Query): Query[] => [parity, size].map((question: Question) => ({...query, question}));

/** What becomes of inputs with these outcomes of both questions. */
function verdictOf(...outcomes: readonly (readonly Outcome[])[]): string | undefined {
  const questions = new RefusedQuestions({name: 'a clerk'});
  const queries = about(...outcomes.keys());
  for (const [index, pair] of outcomes.entries()) questions.note(both(queries[index]!), pair);
  return questions.verdict?.message;
}

describe('RefusedQuestions', () => {
  const five = Array.from({length: 5}, () => [answer, refused]);

  it('ends the run after five inputs of which only this question is refused, and says why', () => {
    expect(verdictOf(...five.slice(1))).toBeUndefined();
    expect(verdictOf(...five)).toBe(
      'Teacher a clerk: It refuses the question `size` about each of 5 inputs whose other questions it answers, so no ' +
        'more are sent. The last time: It takes fewer levels. The answers to the other questions are kept.',
    );
  });

  it('takes an input with no answer at all for the input’s own fault', () => {
    expect(verdictOf(...five.map(() => [refused, refused]))).toBeUndefined();
  });

  it('goes on if the question is answered once, and after errors that can pass', () => {
    expect(verdictOf([answer, answer], ...five)).toBeUndefined();
    expect(verdictOf(...five.map(() => [answer, other]))).toBeUndefined();
  });
});
