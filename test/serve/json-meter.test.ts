import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {JsonMeter} from '../../src/serve/body.ts';

/** How many values a parsed JSON text holds, itself included. */
function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return 1 + Object.values(value).reduce<number>((sum, one) => sum + countOf(one), 0);
}

function isTaken(text: string, most: number, chunk = 7): boolean {
  const meter = new JsonMeter(most);
  const bytes = Buffer.from(text);
  try {
    for (let start = 0; start < bytes.length; start += chunk) meter.add(bytes.subarray(start, start + chunk));
    return true;
  } catch {
    return false;
  }
}

describe('JsonMeter', () => {
  it('lets through no more values than it says, and a text with half as many always', () => {
    const text = fc.jsonValue({maxDepth: 5}).map(value => JSON.stringify(value));
    fc.assert(
      fc.property(text, fc.integer({min: 1, max: 20}), (json, chunk) => {
        const count = countOf(JSON.parse(json));
        expect(isTaken(json, 2 * count, chunk)).toBe(true);
        expect(isTaken(json, count - 1, chunk)).toBe(false);
      }),
      {seed: 15, numRuns: 300},
    );
  });

  it('counts nothing within texts, whatever is escaped in them', () => {
    expect(isTaken(JSON.stringify('[,{"\\",\\\\"['.repeat(50)), 1)).toBe(true);
    expect(isTaken('["\\\\",0,0]', 3)).toBe(false);
  });

  it('refuses what is nested deeper than anything that is read', () => {
    expect(isTaken('['.repeat(64), 1000)).toBe(true);
    expect(isTaken('['.repeat(65), 1000)).toBe(false);
    expect(isTaken('[]'.repeat(65), 1000)).toBe(true);
  });
});
