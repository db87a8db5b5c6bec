import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {askEach, withBatches} from '../../src/ask/batches.ts';
import type {LayerOptions} from '../../src/ask/layer.ts';
import {AnswerStoreError} from '../../src/errors.ts';
import type {Outcome, Query} from '../../src/teacher.ts';
import {about, fakeTeacher, labelled} from './fake-teacher.ts';

const fields = {access: 'black-box', detail: {kind: 'label'}, maxBatch: 2, concurrency: 2} as const;

/** Collects outcomes by index. */
function taking() {
  const taken: Outcome[] = [];
  return {
    taken,
    take: (outcomes: readonly Outcome[], start: number) => {
      for (const [place, outcome] of outcomes.entries()) taken[start + place] = outcome;
    },
  };
}

describe('askEach', () => {
  it('gives every outcome its index, whatever the order in which batches end', async () => {
    const {taken, take} = taking();
    const teacher = fakeTeacher<'black-box'>(fields, async numbers => {
      await setTimeout(numbers.includes(1) ? 20 : 1);
      return numbers.map(labelled);
    });
    await askEach(teacher, about(1, 2, 3, 4, 5), take);
    expect(taken).toEqual([1, 2, 3, 4, 5].map(labelled));
  });

  it('lets any number of calls listen for its stop', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on('warning', onWarning);
    const teacher = fakeTeacher<'black-box'>(fields, numbers => numbers.map(labelled));
    await askEach(teacher, about(1), () => {});
    const {stop} = teacher.options[0] as LayerOptions;
    for (let listener = 0; listener < 20; listener++) stop!.addEventListener('abort', () => {});
    await setTimeout(5);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('pulls queries only when they are needed', async () => {
    let pulled = 0;
    let most = 0;
    let answered = 0;
    function* endless(): Generator<Query> {
      for (; pulled < 10_000; pulled++) yield* about(pulled);
    }
    const teacher = fakeTeacher<'black-box'>({...fields, maxBatch: 10}, async numbers => {
      most = Math.max(most, pulled - answered);
      await Promise.resolve();
      answered += numbers.length;
      return numbers.map(labelled);
    });
    let count = 0;
    await askEach(teacher, endless(), outcomes => {
      count += outcomes.length;
    });
    expect(count).toBe(10_000);
    expect(most).toBeLessThanOrEqual(40);
  });

  it('takes queries that come with time', async () => {
    async function* slowly() {
      for (const query of about(1, 2, 3)) {
        await setTimeout(1);
        yield query;
      }
    }
    const {taken, take} = taking();
    const teacher = fakeTeacher<'black-box'>(fields, numbers => numbers.map(labelled));
    await askEach(teacher, slowly(), take);
    expect(taken).toEqual([1, 2, 3].map(labelled));
    expect(teacher.calls).toEqual([[1, 2], [3]]);
  });

  it('ends with the error of the source of queries, after what was asked is answered', async () => {
    function* broken() {
      yield* about(1, 2);
      throw new Error('the file is cut short');
    }
    const {taken, take} = taking();
    const teacher = fakeTeacher<'black-box'>(fields, async numbers => {
      await setTimeout(5);
      return numbers.map(labelled);
    });
    await expect(askEach(teacher, broken(), take)).rejects.toThrow('the file is cut short');
    expect(taken).toEqual([1, 2].map(labelled));
  });

  it('stops if answers can not be kept any more, though the query alone failed', async () => {
    const {take} = taking();
    const error = new AnswerStoreError('The disk is full.');
    const teacher = fakeTeacher<'black-box'>({...fields, concurrency: 1}, numbers =>
      numbers.map(number => (number === 2 ? {error} : labelled(number))),
    );
    await expect(askEach(teacher, about(1, 2, 3, 4), take)).rejects.toBe(error);
    expect(teacher.calls).toEqual([[1, 2]]);
  });

  it('tells those below to send nothing more when it is stopped', async () => {
    const controller = new AbortController();
    let below: AbortSignal | undefined;
    const teacher = fakeTeacher<'black-box'>(fields, (numbers, _, options: LayerOptions) => {
      below = options.stop;
      controller.abort(new Error('enough'));
      return numbers.map(labelled);
    });
    const asking = askEach(teacher, about(1, 2, 3, 4, 5, 6), () => {}, {stop: controller.signal});
    await expect(asking).rejects.toThrow('enough');
    expect(below?.aborted).toBe(true);
    expect(teacher.calls.length).toBeLessThan(3);
  });

  it('ends with the reason of a stop if something fails after it, save an answer that could not be kept', async () => {
    const failingWith = (error: Error) => {
      const controller = new AbortController();
      const teacher = fakeTeacher<'black-box'>(fields, () => {
        controller.abort(new Error('enough'));
        throw error;
      });
      return askEach(teacher, about(1), () => {}, {stop: controller.signal});
    };
    await expect(failingWith(new Error('the service has ended'))).rejects.toThrow('enough');
    await expect(failingWith(new AnswerStoreError('The disk is full.'))).rejects.toThrow('The disk is full.');
  });

  it('takes a teacher without limits, such as one with batches around it', async () => {
    const teacher = fakeTeacher<'black-box'>(fields, numbers => numbers.map(labelled));
    const {taken, take} = taking();
    await askEach(withBatches(teacher), new Set(about(1, 2, 3)), take);
    expect(taken).toEqual([1, 2, 3].map(labelled));
  });
});
