import {setImmediate} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import type {Bought} from '../../src/ask/calls.ts';
import {DriftGuard, type DriftOptions, withDriftGuard} from '../../src/ask/drift.ts';
import {InputError, KnowledgeError} from '../../src/errors.ts';
import {answerKey} from '../../src/store/stored-answer.ts';
import type {Outcome} from '../../src/teacher.ts';
import {about, fakeTeacher, labelled} from './fake-teacher.ts';

const OLD = '2026-01-02T03:04:05.678Z';
const range = (start: number, end: number) => Array.from({length: end - start}, (_, index) => start + index);

/** A guarded teacher that from a call on answers otherwise about some numbers. */
function guarded(options: DriftOptions, changed: (number: number, call: number) => boolean = () => false) {
  const answer = (number: number, call: number): Outcome<'black-box'> =>
    labelled(number + (changed(number, call) ? 1 : 0));
  const teacher = fakeTeacher<'black-box'>(
    {access: 'black-box', detail: {kind: 'label'}, maxBatch: 10},
    async (numbers, call) => numbers.map(number => answer(number, call)),
  );
  const guard = new DriftGuard(teacher, options);
  const sawHits = (numbers: readonly number[], storedAt = OLD) => {
    for (const number of numbers) guard.sawHit(about(number)[0]!, {...labelled(number), storedAt});
  };
  return {teacher, guard, layer: withDriftGuard(teacher, guard), sawHits};
}

describe('withDriftGuard', () => {
  it('asks a sample again each time that so many answers were bought', async () => {
    const {teacher, guard, layer} = guarded({every: 20, sample: 4});
    for (const start of [0, 10, 20, 30, 40]) {
      expect(await layer.ask(about(...range(start, start + 10)))).toEqual(range(start, start + 10).map(labelled));
    }
    expect(teacher.calls.map(({length}) => length)).toEqual([10, 10, 4, 10, 10, 4, 10]);
    expect(teacher.calls[2]!.every(number => number < 20)).toBe(true);
    expect(guard.report).toEqual({checks: 2, compared: 8, flips: 0, meanKl: undefined});
  });

  it('asks before anything is bought if the sample is full of answers from before the run', async () => {
    const {teacher, layer, sawHits} = guarded({every: 1000, sample: 4});
    sawHits(range(0, 3));
    await layer.ask(about(100));
    sawHits(range(3, 100));
    await layer.ask(about(101));
    await layer.ask(about(102));
    expect(teacher.calls.map(({length}) => length)).toEqual([1, 4, 1, 1]);
  });

  it('does not ask about what the run itself bought before that is due', async () => {
    const {teacher, layer, sawHits} = guarded({every: 1000, sample: 4});
    sawHits(range(0, 100), new Date(Date.now() + 1).toISOString());
    await layer.ask(about(...range(100, 110)));
    await layer.ask(about(110));
    expect(teacher.calls).toHaveLength(2);
  });

  it('stops the run, and every later query, if more labels have changed than may', async () => {
    const {teacher, guard, layer, sawHits} = guarded({sample: 30}, number => number % 4 === 0);
    sawHits(range(0, 400));
    const asked = layer.ask(about(1000));
    await expect(asked).rejects.toThrow(KnowledgeError);
    const {message} = guard.verdict!;
    const flips = teacher.calls.flat().filter(number => number % 4 === 0);
    expect(message).toContain(
      `Of 30 answers that were asked for again, ${flips.length} have another label; at most 10 %`,
    );
    const [changed] = about(flips[0]!);
    expect(message).toContain(
      `key ${answerKey(teacher.identity, changed!)}: ${teacher.classes[flips[0]! % 3]} on 2026-01-02, now`,
    );
    expect(guard.report.flips).toBe(flips.length);
    const {length} = teacher.calls;
    await expect(layer.ask(about(1001))).rejects.toBe(guard.verdict);
    expect(teacher.calls).toHaveLength(length);
  });

  it('goes on if no more has changed than may', async () => {
    const {guard, layer, sawHits} = guarded({sample: 30, maxFlips: 1}, () => true);
    sawHits(range(0, 400));
    expect(await layer.ask(about(2))).toEqual([labelled(3)]);
    expect(guard.report).toMatchObject({checks: 1, compared: 30, flips: 30});
  });

  it('lets nothing go out while a check is under way, and makes one check of many that are due', async () => {
    const {teacher, layer, sawHits} = guarded({sample: 30}, () => true);
    sawHits(range(0, 400));
    const asked = await Promise.allSettled(range(1000, 1010).map(number => layer.ask(about(number))));
    expect(asked.every(({status}) => status === 'rejected')).toBe(true);
    expect(teacher.calls.flat().filter(number => number >= 1000)).toEqual([]);
    expect(teacher.calls).toHaveLength(3);
  });

  it('starts no check while one is under way, however much is bought in the meantime', async () => {
    const replies: (() => void)[] = [];
    const teacher = fakeTeacher<'black-box'>(
      {access: 'black-box', detail: {kind: 'label'}, maxBatch: 10},
      async numbers => {
        await new Promise<void>(resolve => replies.push(resolve));
        return numbers.map(labelled);
      },
    );
    const guard = new DriftGuard(teacher, {every: 1, sample: 4});
    const layer = withDriftGuard(teacher, guard);
    const reply = async (call: number) => {
      await setImmediate();
      replies[call]!();
      await setImmediate();
    };
    const asked = [layer.ask(about(1)), layer.ask(about(2))];
    await reply(0);
    asked.push(layer.ask(about(3)));
    await reply(1);
    asked.push(layer.ask(about(4)));
    await setImmediate();
    expect(teacher.calls).toEqual([[1], [2], [1]]);
    for (const call of [2, 3, 4]) await reply(call);
    await Promise.all(asked);
    expect(guard.report.checks).toBe(1);
  });

  it('keeps to the batches and the concurrency of the teacher', async () => {
    let [underWay, most] = [0, 0];
    const teacher = fakeTeacher<'black-box'>(
      {access: 'black-box', detail: {kind: 'label'}, maxBatch: 3, concurrency: 2},
      async numbers => {
        most = Math.max(most, ++underWay);
        await new Promise(resolve => setTimeout(resolve, 1));
        underWay--;
        return numbers.map(labelled);
      },
    );
    const guard = new DriftGuard(teacher, {sample: 20});
    for (const number of range(0, 50)) guard.sawHit(about(number)[0]!, {...labelled(number), storedAt: OLD});
    await withDriftGuard(teacher, guard).ask(about(1));
    expect(teacher.calls.map(({length}) => length)).toEqual([3, 3, 3, 3, 3, 3, 2, 1]);
    expect(most).toBe(2);
  });

  it('passes on how to ask, counts no progress for what it asks itself, and closes its calls in the journal', async () => {
    let [settled, done] = [0, 0];
    const call = {place: undefined, receipt: {model: 'm-2'}, done: () => void done++};
    const teacher = fakeTeacher<'black-box'>(
      {access: 'black-box', detail: {kind: 'label'}, maxBatch: 10},
      (numbers): Bought<'black-box'>[] => numbers.map(() => ({...labelled(5), call})),
    );
    const guard = new DriftGuard(teacher, {sample: 10});
    const receipt = {model: 'm-1', fingerprint: 'f'};
    for (const number of range(0, 10)) guard.sawHit(about(number)[0]!, {...labelled(0), storedAt: OLD, receipt});
    const {signal} = new AbortController();
    const options = {signal, detail: {kind: 'label'} as const, onSettled: () => void settled++};
    await expect(withDriftGuard(teacher, guard).ask(about(1), options)).rejects.toThrow(
      'a on 2026-01-02 (m-1 f), now c (m-2)',
    );
    expect(teacher.options).toEqual([{signal, detail: {kind: 'label'}}]);
    expect([settled, done]).toEqual([0, 10]);
  });
});

describe('DriftGuard', () => {
  const teacher = fakeTeacher<'gray-box'>({access: 'gray-box', detail: {kind: 'log-probabilities'}}, () => []);
  const scores = (...logits: number[]) => ({
    answer: {kind: 'logits' as const, logits: Float32Array.from(logits), features: {}},
  });
  const holding = (count: number, options: DriftOptions = {}) => {
    const guard = new DriftGuard(teacher, {sample: count, ...options});
    for (const query of about(...range(0, count))) guard.sawHit(query, {...scores(2, 0, 0), storedAt: OLD});
    return guard;
  };

  it('judges distributions by their mean divergence, if no label has changed', () => {
    const guard = holding(10);
    const sample = guard.startCheck();
    guard.judge(
      sample,
      sample.map(() => scores(1.8, 0, 0)),
    );
    expect(guard.report.flips).toBe(0);
    expect(guard.report.meanKl).toBeCloseTo(0.0036, 3);
    expect(() =>
      guard.judge(
        sample,
        sample.map(() => scores(0.5, 0, 0)),
      ),
    ).toThrow(/0 have another label, and their mean KL divergence is 0\.2\d+ nats/);
  });

  it('judges nothing if less than half of the sample was answered, but reports it', () => {
    const guard = holding(10);
    const sample = guard.startCheck();
    const outcomes = sample.map((_, place) => (place < 4 ? scores(0, 2, 0) : {error: new Error('busy')}));
    guard.judge(sample, outcomes);
    expect(guard.report).toMatchObject({checks: 1, compared: 4, flips: 4});
    expect(guard.verdict).toBeUndefined();
  });

  it('refuses options out of their range', () => {
    for (const options of [{every: 0}, {sample: 1.5}, {maxFlips: -1}, {maxKl: Number.NaN}]) {
      expect(() => new DriftGuard(teacher, options)).toThrow(InputError);
    }
  });
});
