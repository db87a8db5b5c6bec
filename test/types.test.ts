import {expect, it} from 'vitest';
import type {Split, TransferSet} from '../src/data/split.ts';
import {drawExamples, transferSet} from '../src/data/split.ts';
import type {Knowledge} from '../src/knowledge/knowledge.ts';
import type {Student} from '../src/student/student.ts';
import type {LogProbabilitiesAnswer, ReadOutcome, Teacher} from '../src/teacher.ts';
import type {train} from '../src/train/train.ts';

/** Code that must not compile. `tsc` fails if one of these lines has no error. Nothing here is ever called. */
function mustNotCompile(
  test: Split<'test'>,
  validation: Split<'validation'>,
  transfer: TransferSet,
  student: Student,
  trainOn: typeof train,
  knowledge: Knowledge,
  blackBox: Teacher<'black-box'>,
  estimate: LogProbabilitiesAnswer,
): unknown[] {
  return [
    // @ts-expect-error the test split can't be what a teacher is asked about for training
    transferSet(test),
    // @ts-expect-error neither can validation
    transferSet(validation),
    // @ts-expect-error the test split can't be drawn from for training
    drawExamples(test, {size: 10}),
    // @ts-expect-error a student doesn't train on a split, only on knowledge
    trainOn(student, test, {losses: [], seed: 1, epochs: 1}),
    // @ts-expect-error the test split decides nothing in training
    trainOn(student, knowledge, {losses: [], seed: 1, epochs: 1, validation: test}),
    // @ts-expect-error only a white-box teacher answers live with features
    trainOn(student, knowledge, {losses: [], seed: 1, epochs: 1, teacher: blackBox}),
    // @ts-expect-error a transfer set has no labels to leak
    transfer.labels,
    // A teacher of any access is a teacher.
    blackBox satisfies Teacher,
    // @ts-expect-error a service that is a black box shows no log-probabilities
    {answer: estimate} satisfies ReadOutcome<'black-box'>,
    // @ts-expect-error a black box shows no logits
    async () => (await blackBox.ask([])).map(outcome => ('answer' in outcome ? outcome.answer.logits : undefined)),
  ];
}

it('what must not compile is held by tsc, which fails on an error that is expected and missing', () => {
  expect(mustNotCompile).toBeTypeOf('function');
});
