import pLimit from 'p-limit';
import {InputError} from '../errors.ts';
import type {Access, AskOptions, Outcome, Question, Teacher} from '../teacher.ts';
import {layerOver} from './layer.ts';

export interface BatchesOptions extends AskOptions {
  /** Called after each batch with how many questions of this call have an outcome. */
  readonly onProgress?: (done: number) => void;
}

/** A teacher that may tell how far a call is. Every teacher is one; only `withBatches` makes use of it. */
export interface ProgressTeacher<A extends Access = Access> extends Teacher<A> {
  ask(questions: readonly Question[], options?: BatchesOptions): Promise<readonly Outcome<A>[]>;
}

/**
 * Takes any number of questions and asks them `maxBatch` at a time, with as many calls under way at once as the
 * teacher's `concurrency` allows, whoever makes them. Outcomes are in the order of the questions.
 *
 * After an error or an abort no new batch starts, those under way are let finish so that the layers below can keep
 * what they bring, and then the error is thrown.
 */
export function withBatches<A extends Access>(teacher: Teacher<A>): ProgressTeacher<A> {
  const {name, maxBatch, concurrency = 1} = teacher;
  for (const [field, limit] of Object.entries({maxBatch, concurrency})) {
    if (!(limit >= 1)) throw new InputError(`Expected \`${field}\` of teacher ${name} to be 1 or more, got ${limit}.`);
  }
  const limit = pLimit(concurrency);

  const ask = async (questions: readonly Question[], {onProgress, ...options}: BatchesOptions = {}) => {
    const outcomes: Outcome<A>[] = new Array(questions.length);
    const failures: unknown[] = [];
    let done = 0;
    const askBatch = async (start: number) => {
      if (failures.length > 0) return;
      try {
        options.signal?.throwIfAborted();
        const answered = await teacher.ask(questions.slice(start, start + maxBatch), options);
        for (const [place, outcome] of answered.entries()) outcomes[start + place] = outcome;
        done += answered.length;
        onProgress?.(done);
      } catch (error) {
        failures.push(error);
      }
    };
    const batches: Promise<void>[] = [];
    for (let start = 0; start < questions.length; start += maxBatch) batches.push(limit(askBatch, start));
    await Promise.all(batches);
    if (failures.length > 0) throw failures[0];
    // Where an abort cut short a wait between retries, the layers below return what they had.
    if (outcomes.some(outcome => 'error' in outcome)) options.signal?.throwIfAborted();
    return outcomes;
  };
  return {...layerOver(teacher, {ask, maxBatch: Number.POSITIVE_INFINITY, concurrency: Number.POSITIVE_INFINITY}), ask};
}
