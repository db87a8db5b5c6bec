import {setImmediate, setTimeout} from 'node:timers/promises';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import type {Batch, BatchSource} from '../../src/train/batch-source.ts';
import {disposeBatch, Prefetch} from '../../src/train/prefetch.ts';
import {Stopwatch} from '../../src/train/profile.ts';

beforeAll(startEngine);

const madeOf = (rows: Int32Array): Batch => ({
  raw: tf.tensor1d([...rows], 'float32'),
  targets: [{labels: tf.tensor1d([...rows], 'int32'), features: {}}],
});

interface Asked {
  readonly events: string[];
  readonly source: BatchSource;
}

/** A source that answers after a turn of the event loop, as one over a network does, and says what it is asked. */
function remote(answer: (rows: Int32Array, signal?: AbortSignal) => Promise<Batch> | Batch = madeOf): Asked {
  const events: string[] = [];
  return {
    events,
    source: {
      featureShapes: [],
      waitsFor: 'teacher',
      async batch(rows, _, signal) {
        events.push(`ask ${rows}`);
        await setImmediate();
        events.push(`sent ${rows}`);
        return answer(rows, signal);
      },
    },
  };
}

function prefetch(
  source: BatchSource,
  count: number,
  more: {signal?: AbortSignal; stopwatch?: Stopwatch} = {},
): Prefetch {
  const batches = Array.from({length: count}, (_, index) => Int32Array.of(index));
  return new Prefetch({source, epoch: 1, batches, stopwatch: new Stopwatch(), signal: undefined, ...more});
}

const rowOf = ({raw}: Batch): number => (raw as tf.Tensor).dataSync()[0]!;

describe('a source that is waited for', () => {
  it('has the next request on its way before a step runs, and never two', async () => {
    const {events, source} = remote();
    const batches = prefetch(source, 3);
    for (let step = 0; step < 3; step++) {
      const batch = await batches.take();
      events.push(`step ${rowOf(batch)}`);
      disposeBatch(batch);
    }
    await batches.close();
    expect(events).toEqual([
      ...['ask 0', 'sent 0', 'ask 1', 'sent 1', 'step 0'],
      ...['ask 2', 'sent 2', 'step 1'],
      ...['step 2'],
    ]);
  });

  it('fails at the batch that it fails of, not while an earlier one is learned from', async () => {
    const {source} = remote(rows => {
      if (rows[0] === 1) throw new Error('Gone.');
      return madeOf(rows);
    });
    const batches = prefetch(source, 3);
    disposeBatch(await batches.take());
    // Long enough for Node to find a rejection that nobody handles.
    await setTimeout(5);
    await expect(batches.take()).rejects.toThrow('Gone.');
    await batches.close();
  });

  it('leaves no tensor behind where an epoch is left', async () => {
    const {source} = remote();
    const before = tf.memory().numTensors;
    const batches = prefetch(source, 3);
    disposeBatch(await batches.take());
    await batches.close();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is told where an epoch is left, or the run aborted', async () => {
    const signals: AbortSignal[] = [];
    const patient = (rows: Int32Array, signal?: AbortSignal): Promise<Batch> | Batch => {
      signals.push(signal!);
      if (rows[0] === 0) return madeOf(rows);
      return new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason)));
    };
    const left = prefetch(remote(patient).source, 2);
    disposeBatch(await left.take());
    await left.close();
    expect(signals.map(({aborted}) => aborted)).toEqual([true, true]);

    const run = new AbortController();
    const aborted = prefetch(remote(patient).source, 2, {signal: run.signal});
    disposeBatch(await aborted.take());
    run.abort();
    await expect(aborted.take()).rejects.toBe(run.signal.reason);
    await aborted.close();
  });

  it('counts as the teacher’s or the disk’s time, whichever is waited for', async () => {
    for (const [waitsFor, part] of [
      ['teacher', 'teacher'],
      ['disk', 'data'],
    ] as const) {
      const stopwatch = new Stopwatch();
      const {source} = remote(async rows => {
        await setTimeout(30);
        return madeOf(rows);
      });
      const batches = prefetch({...source, waitsFor}, 1, {stopwatch});
      disposeBatch(await batches.take());
      expect(stopwatch.profile[part]).toBeGreaterThan(0.028);
      expect(stopwatch.profile.step).toBe(0);
    }
  });
});

describe('a source that makes batches at once', () => {
  it('makes each when it is taken: a second one would only take up memory', async () => {
    const {events, source} = remote();
    const batches = prefetch({...source, waitsFor: undefined}, 2);
    disposeBatch(await batches.take());
    expect(events).toEqual(['ask 0', 'sent 0']);
    await batches.close();
  });
});
