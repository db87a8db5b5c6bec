import {getEventListeners} from 'node:events';
import {describe, expect, it} from 'vitest';
import {asker} from '../../../adapters/_llama/queue.ts';
import type {Scorer} from '../../../adapters/_llama/scorer.ts';
import {InputError, TeacherError} from '../../../src/errors.ts';
import type {Query, TopKAnswer} from '../../../src/teacher.ts';

const textOf = (text: string, sample?: number): Query => ({
  input: {kind: 'text', text},
  ...(sample !== undefined && {sample}),
});
const tensor: Query = {input: {kind: 'tensor', dtype: 'float32', shape: [1], data: Float32Array.of(1)}};

/** Names as many classes as the text has letters. */
function scored(text: string): TopKAnswer {
  const {length} = text;
  const logProbabilities = new Float32Array(length).fill(-Math.log(length));
  return {kind: 'top-k', classes: Int32Array.from({length}, (_, index) => index), logProbabilities, rest: 0};
}

const plain: Scorer = async text => scored(text);

function ask(load: () => Promise<Scorer>): ReturnType<typeof asker> {
  return asker('llama tiny', load);
}

/** A promise and what settles it. */
function gate(): {readonly opened: Promise<void>; readonly open: () => void} {
  let open = () => {};
  const opened = new Promise<void>(resolve => {
    open = resolve;
  });
  return {opened, open};
}

describe('asker', () => {
  it('answers each query in order, and lets one of numbers or one that is refused fail alone', async () => {
    const score: Scorer = async (text, sample) => (text === 'no' ? `Not so, of sample ${sample}.` : scored(text));
    const outcomes = await ask(async () => score)([textOf('a'), tensor, textOf('no', 2), textOf('no'), textOf('abc')]);
    expect(outcomes).toEqual([
      {answer: scored('a')},
      {error: new TeacherError('llama tiny', 'It reads texts and records, and this input is a tensor.')},
      {error: new TeacherError('llama tiny', 'Not so, of sample 2.')},
      {error: new TeacherError('llama tiny', 'Not so, of sample 0.')},
      {answer: scored('abc')},
    ]);
  });

  it('loads at the first text and once', async () => {
    let loads = 0;
    const asked = ask(async () => {
      loads++;
      return plain;
    });
    await asked([tensor]);
    expect(loads).toBe(0);
    await Promise.all([asked([textOf('a')]), asked([textOf('b'), textOf('c')])]);
    await asked([textOf('d')]);
    expect(loads).toBe(1);
  });

  it('tries a load that failed again at the next query', async () => {
    const failures = [new InputError('no file'), new Error('no memory')];
    const asked = ask(async () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return plain;
    });
    await expect(asked([textOf('a')])).rejects.toThrow(new InputError('no file'));
    await expect(asked([textOf('a')])).rejects.toThrow(
      new TeacherError('llama tiny', 'It could not answer: no memory'),
    );
    expect(await asked([textOf('a')])).toEqual([{answer: scored('a')}]);
  });

  it('asks one query at a time, whoever asks', async () => {
    const seen: string[] = [];
    const score: Scorer = async text => {
      seen.push(`${text} begins`);
      await new Promise(setImmediate);
      seen.push(`${text} ends`);
      return scored(text);
    };
    const asked = ask(async () => score);
    await Promise.all([asked([textOf('a'), textOf('b')]), asked([textOf('c')])]);
    expect(seen).toEqual(['a', 'b', 'c'].flatMap(text => [`${text} begins`, `${text} ends`]));
  });

  it('goes on after a query that failed', async () => {
    const score: Scorer = async text => {
      if (text === 'bad') throw new Error('It gave no logits.');
      return scored(text);
    };
    const asked = ask(async () => score);
    const bad = asked([textOf('bad')]);
    const good = asked([textOf('a')]);
    await expect(bad).rejects.toThrow('Teacher llama tiny: It could not answer: It gave no logits.');
    expect(await good).toEqual([{answer: scored('a')}]);
  });

  it('rejects at once with the reason of an abort, and begins the next query only after the evaluation', async () => {
    const {opened, open} = gate();
    const seen: string[] = [];
    const score: Scorer = async text => {
      seen.push(text);
      if (text === 'long') await opened;
      seen.push(`${text} ends`);
      return scored(text);
    };
    const asked = ask(async () => score);
    const controller = new AbortController();
    const reason = new Error('enough');
    const long = asked([textOf('long'), textOf('never')], {signal: controller.signal});
    const next = asked([textOf('next')]);
    await new Promise(setImmediate);
    controller.abort(reason);
    await expect(long).rejects.toBe(reason);
    expect(seen).toEqual(['long']);
    open();
    expect(await next).toEqual([{answer: scored('next')}]);
    expect(seen).toEqual(['long', 'long ends', 'next', 'next ends']);
  });

  it('loads nothing if it is aborted before', async () => {
    const reason = new Error('enough');
    const asked = ask(() => Promise.reject(new Error('loaded')));
    await expect(asked([textOf('a')], {signal: AbortSignal.abort(reason)})).rejects.toBe(reason);
  });

  it('hands the signal on, and leaves no listener behind', async () => {
    const {signal} = new AbortController();
    let given: AbortSignal | undefined;
    const score: Scorer = async (text, _, itsSignal) => {
      given = itsSignal;
      return scored(text);
    };
    await ask(async () => score)([textOf('a')], {signal});
    expect(given).toBe(signal);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
