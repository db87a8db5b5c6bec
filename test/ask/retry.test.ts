import {describe, expect, it} from 'vitest';
import {withRetry} from '../../src/ask/retry.ts';
import {TeacherError} from '../../src/errors.ts';
import type {Outcome} from '../../src/teacher.ts';
import {about, fakeTeacher, labelled} from './fake-teacher.ts';

const fields = {access: 'black-box', detail: {kind: 'label'}} as const;
const passing = (retryAfter?: number) =>
  new TeacherError('a fake', 'It is busy.', {retryable: true, ...(retryAfter && {retryAfter})});
const lasting = new TeacherError('a fake', 'It refused the key.', {status: 401});

/** Waits for nothing and remembers for how long it was to wait. */
function waits(random = 0) {
  const waited: number[] = [];
  return {waited, sleep: async (milliseconds: number) => void waited.push(milliseconds), random: () => random};
}

function clockOf() {
  const {waited: _, ...clock} = waits();
  return clock;
}

/** A teacher whose first calls throw these errors. */
function failing(...errors: readonly Error[]) {
  return fakeTeacher<'black-box'>(fields, (numbers, call) => {
    const error = errors[call - 1];
    if (error) throw error;
    return numbers.map(labelled);
  });
}

describe('withRetry', () => {
  it('asks again after an error that may pass, waiting twice as long each time', async () => {
    const {waited, ...clock} = waits();
    const teacher = failing(passing(), passing(), passing());
    expect(await withRetry(teacher, clock).ask(about(1, 2))).toEqual([labelled(1), labelled(2)]);
    expect(waited).toEqual([500, 1000, 2000]);
    expect(teacher.calls).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  it('throws the error when its attempts are used up', async () => {
    const {waited, ...clock} = waits();
    const teacher = failing(passing(), passing(), passing());
    await expect(withRetry(teacher, {attempts: 3, ...clock}).ask(about(1))).rejects.toThrow('It is busy.');
    expect(teacher.calls.length).toBe(3);
    expect(waited.length).toBe(2);
  });

  it('does not ask again after any other error', async () => {
    for (const error of [lasting, new Error('retryable: true'), Object.assign(new Error('x'), {retryable: true})]) {
      const teacher = failing(error);
      await expect(withRetry(teacher, clockOf()).ask(about(1))).rejects.toBe(error);
      expect(teacher.calls.length).toBe(1);
    }
  });

  it('waits at least as long as the service asked, and its back-off if that is longer', async () => {
    const {waited, ...clock} = waits();
    await withRetry(failing(passing(700), passing(700), passing(9000)), clock).ask(about(1));
    expect(waited).toEqual([700, 1000, 9000]);
  });

  it('adds jitter on top of the wait and never takes from it', async () => {
    const {waited, ...clock} = waits(0.5);
    await withRetry(failing(passing(), passing(4000)), {backOff: 100, ...clock}).ask(about(1));
    expect(waited).toEqual([125, 5000]);
  });

  it('asks only the queries again that failed, and gives all in order', async () => {
    const {waited, ...clock} = waits();
    const busy = new Set([1, 3]);
    const teacher = fakeTeacher<'black-box'>(fields, (numbers, call) =>
      numbers.map((number): Outcome<'black-box'> => {
        if (number === 5) return {error: lasting};
        return busy.has(number) && call < number + 1 ? {error: passing(call * 10)} : labelled(number);
      }),
    );
    const outcomes = await withRetry(teacher, {backOff: 1, ...clock}).ask(about(1, 2, 3, 4, 5));
    expect(outcomes).toEqual([labelled(1), labelled(2), labelled(3), labelled(4), {error: lasting}]);
    expect(teacher.calls).toEqual([[1, 2, 3, 4, 5], [1, 3], [3], [3]]);
    expect(waited).toEqual([10, 20, 30]);
  });

  it('asks each query alone that says so, once, whatever becomes of the others', async () => {
    const unread = new TeacherError('a fake', 'It gave no answer.', {unreadable: true, alone: true});
    const teacher = fakeTeacher<'black-box'>(fields, (numbers, call) => {
      if (numbers.includes(4) && call > 1) throw lasting;
      return numbers.map((number): Outcome<'black-box'> => {
        if (number === 1 && call === 1) return {error: passing()};
        return number === 3 || (call === 1 && number !== 2) ? {error: unread} : labelled(number);
      });
    });
    const outcomes = await withRetry(teacher, clockOf()).ask(about(1, 2, 3, 4, 5));
    expect(outcomes).toEqual([labelled(1), labelled(2), {error: unread}, {error: lasting}, labelled(5)]);
    expect(teacher.calls).toEqual([[1, 2, 3, 4, 5], [1], [3], [4], [5]]);
  });

  it('returns what was answered if the rest can not be asked any more', async () => {
    const teacher = fakeTeacher<'black-box'>(fields, (numbers, call) => {
      if (call > 1) throw lasting;
      return numbers.map(number => (number === 2 ? {error: passing()} : labelled(number)));
    });
    const outcomes = await withRetry(teacher, clockOf()).ask(about(1, 2, 3));
    expect(outcomes).toEqual([labelled(1), {error: lasting}, labelled(3)]);
  });

  it('ends a wait at once when it is aborted, with the reason', async () => {
    const controller = new AbortController();
    const teacher = failing(passing(60_000));
    const asking = withRetry(teacher).ask(about(1), {signal: controller.signal});
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 10);
    await expect(asking).rejects.toBe(reason);
    expect(teacher.calls.length).toBe(1);
  });

  it('passes the options on with every attempt, and says which are not the first', async () => {
    const teacher = failing(passing());
    const options = {detail: {kind: 'label'}, signal: new AbortController().signal} as const;
    await withRetry(teacher, clockOf()).ask(about(1), options);
    expect(teacher.options).toEqual([options, {...options, isAgain: true}]);
  });

  it('refuses outcomes that are more or fewer than the queries', async () => {
    const teacher = fakeTeacher<'black-box'>(fields, () => [labelled(0)]);
    await expect(withRetry(teacher, clockOf()).ask(about(1, 2))).rejects.toThrow(
      'Teacher a fake: It gave 1 outcomes for 2 queries',
    );
  });

  it('refuses a number of attempts that is none', () => {
    expect(() => withRetry(failing(), {attempts: 0})).toThrow(
      'Expected `attempts` to be a whole number above 0, got 0.',
    );
  });

  describe('after a 429', () => {
    const busy = (retryAfter?: number) =>
      new TeacherError('a fake', 'Slow down.', {status: 429, retryable: true, ...(retryAfter && {retryAfter})});

    it('asks again more often than there are attempts', async () => {
      const {waited, ...clock} = waits();
      const errors = new Array<Error>(9).fill(busy(40));
      expect(await withRetry(failing(...errors), {attempts: 2, backOff: 10, ...clock}).ask(about(1))).toEqual([
        labelled(1),
      ]);
      expect(waited).toEqual(new Array(9).fill(40));
    });

    it('does not count it as one of the attempts after errors', async () => {
      const teacher = failing(busy(), passing(), busy(), passing());
      await expect(withRetry(teacher, {attempts: 3, ...clockOf()}).ask(about(1))).resolves.toEqual([labelled(1)]);
      await expect(
        withRetry(failing(busy(), passing(), busy(), passing()), {attempts: 2, ...clockOf()}).ask(about(1)),
      ).rejects.toThrow('It is busy.');
    });

    it('gives up when its patience is at its end', async () => {
      let now = 0;
      const clock = {
        random: () => 0,
        now: () => now,
        sleep: async (wait: number) => {
          now += wait;
        },
      };
      const teacher = failing(...new Array<Error>(99).fill(busy(1000)));
      await expect(withRetry(teacher, {patience: 5000, ...clock}).ask(about(1))).rejects.toThrow('Slow down.');
      expect(teacher.calls.length).toBe(6);
    });

    it('backs off twice as long each time if the service does not say how long, a minute at most', async () => {
      const {waited, ...clock} = waits();
      const errors = [busy(), busy(), busy(30), busy(), ...new Array<Error>(4).fill(busy())];
      await withRetry(failing(...errors), {backOff: 8000, ...clock}).ask(about(1));
      expect(waited).toEqual([8000, 16_000, 8000, 8000, 16_000, 32_000, 60_000, 60_000]);
    });

    it('waits itself though a service is asked, and leaves it to an admission where it is told of one', async () => {
      const service = {account: 'fake', reader: 1, read: () => []};
      const {waited, ...clock} = waits();
      for (const hasAdmission of [false, true]) {
        const teacher = {...failing(busy(9000), passing()), service};
        await withRetry(teacher, {backOff: 10, hasAdmission, ...clock}).ask(about(1));
      }
      expect(waited).toEqual([9000, 10, 10]);
    });
  });

  it('asks once more about an answer that can not be read, and leaves its neighbours alone', async () => {
    const {waited, ...clock} = waits();
    const unreadable = new TeacherError('a fake', 'Its label is none.', {unreadable: true});
    const teacher = fakeTeacher<'black-box'>(fields, (numbers, call) =>
      numbers.map(number => (number === 3 || (number === 2 && call === 1) ? {error: unreadable} : labelled(number))),
    );
    const outcomes = await withRetry(teacher, clock).ask(about(1, 2, 3));
    expect(outcomes).toEqual([labelled(1), labelled(2), {error: unreadable}]);
    expect(teacher.calls).toEqual([
      [1, 2, 3],
      [2, 3],
    ]);
    expect(waited).toEqual([]);
  });
});
