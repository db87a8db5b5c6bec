import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {inBatches} from '../../src/cli/predict.ts';
import {collected} from '../data/texts/collected.ts';

async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number++) yield number;
}

describe('inBatches', () => {
  it.each([
    [0, []],
    [2, [2]],
    [3, [3]],
    [7, [3, 3, 1]],
  ])('puts %d items in batches of three', async (count, sizes) => {
    const batches = await collected(inBatches(numbers(count), 3));
    expect(batches.map(batch => batch.length)).toEqual(sizes);
    expect(batches.flat()).toEqual(await collected(numbers(count)));
  });

  it('gives what there is where no more come for a while', async () => {
    let goOn = () => {};
    const slow = async function* () {
      yield 1;
      yield 2;
      await new Promise<void>(resolve => {
        goOn = resolve;
      });
      yield 3;
    };
    const batches = inBatches(slow(), 100, 5);
    expect(await batches.next()).toEqual({value: [1, 2], done: false});
    goOn();
    expect(await batches.next()).toEqual({value: [3], done: false});
    expect((await batches.next()).done).toBe(true);
  });

  it('fails as what it reads does, though that failed while nobody waited for it', async () => {
    const broken = async function* () {
      yield 1;
      throw new Error('no more');
    };
    const batches = inBatches(broken(), 1);
    expect((await batches.next()).value).toEqual([1]);
    await setTimeout(5);
    await expect(batches.next()).rejects.toThrow('no more');
  });

  it('ends what it reads where its own reader has seen enough', async () => {
    let isClosed = false;
    const endless = async function* () {
      try {
        for (;;) yield 1;
      } finally {
        isClosed = true;
      }
    };
    for await (const _ of inBatches(endless(), 2)) break;
    expect(isClosed).toBe(true);
  });
});
