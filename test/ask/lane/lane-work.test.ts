import {describe, expect, it} from 'vitest';
import {LaneWatch} from '../../../src/ask/lane/lane-work.ts';

describe('LaneWatch', () => {
  it('adds up the batches that are waited for', () => {
    const watch = new LaneWatch();
    expect(watch.describe()).toBeUndefined();
    watch.saw('one', 40_000, 1000);
    expect(watch.describe()).toBe('a batch under way, 1,000 of 40,000 requests done');
    watch.saw('two', 10_000, 0);
    watch.saw('one', 40_000, 1234);
    expect(watch.describe()).toBe('2 batches under way, 1,234 of 50,000 requests done');
    watch.left('one');
    watch.left('two');
    expect(watch.describe()).toBeUndefined();
  });
});
