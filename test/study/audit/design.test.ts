import {readdir, readFile, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {beforeEach, describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../../src/data/random.ts';
import {shareRight, strataOf} from '../../../src/evaluate/audit.ts';
import {drawnInputs, extended, newDesign, readDesign, sizesOf, writeDesign} from '../../../src/study/audit/design.ts';
import {folders} from '../tiny.ts';

const newFolder = folders();
const count = 400;
const ids = Array.from({length: count}, (_, index) => `q${index}`);
const random = seededRandom(3, 'models');
const teacher = Int32Array.from({length: count}, () => (randomFraction(random) < 0.5 ? 0 : 1));
const student = teacher.map(label => (randomFraction(random) < 0.1 ? 1 - label : label));
const confidence = Float64Array.from({length: count}, () => randomFraction(random));
const strata = strataOf(teacher, student, confidence);

describe('the draw of an audit', () => {
  it('is the same for the same seed, and another for another', () => {
    const drawn = (seed: number) => drawnInputs(newDesign(ids, strata, 50, seed));
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
    expect(new Set(drawn(1)).size).toBe(50);
  });

  it('keeps what was drawn when more are, after them or between', () => {
    const first = newDesign(ids, strata, 50, 1);
    const more = extended(first, 120);
    expect(drawnInputs(more)).toHaveLength(120);
    expect(drawnInputs(more)).toEqual(expect.arrayContaining(drawnInputs(first)));
    expect(extended(more, 10)).toEqual(more);
  });

  it('shows rows in an order that tells nothing of their strata', () => {
    const rows = drawnInputs(newDesign(ids, strata, 60, 1)).map(index => strata[index]!);
    const half = (part: readonly number[]) => part.filter(stratum => stratum === 2).length;
    expect(half(rows.slice(0, 30))).toBeGreaterThan(5);
    expect(half(rows.slice(30))).toBeGreaterThan(5);
    expect(rows).not.toEqual(rows.toSorted());
  });

  it('gives on average what checking everything would, though it draws some more often', () => {
    const isRight = (index: number) => (strata[index] === 0 ? index % 2 === 0 : index % 20 !== 0);
    const estimates = Array.from({length: 2000}, (_, seed) => {
      const design = newDesign(ids, strata, 50, seed);
      const drawn = drawnInputs(design);
      const rows = sizesOf(strata).map((size, stratum) => {
        const own = drawn.filter(index => strata[index] === stratum);
        return {size, checked: own.length, right: own.filter(isRight).length};
      });
      return shareRight(rows).share;
    });
    const mean = estimates.reduce((total, share) => total + share, 0) / estimates.length;
    const plain = ids.filter((_, index) => isRight(index)).length / count;
    // The error of the mean of so many is about 0.0008.
    expect(Math.abs(mean - plain)).toBeLessThan(0.003);
  });
});

describe('the file of a design', () => {
  let path: string;

  beforeEach(async () => {
    path = join(await newFolder('design'), 'inner/audit.json');
  });

  it('reads back as it was written, and leaves nothing beside it', async () => {
    const design = newDesign(ids, strata, 50, 7);
    expect(await readDesign(path, ids)).toBeUndefined();
    await writeDesign(path, design);
    expect(await readDesign(path, ids)).toEqual(design);
    expect(await readdir(dirname(path))).toEqual(['audit.json']);
  });

  it('is refused where it is about other texts, or damaged', async () => {
    await writeDesign(path, newDesign(ids, strata, 50, 7));
    await expect(readDesign(path, ids.with(0, 'other'))).rejects.toThrow('the test split has changed since');
    await expect(readDesign(path, ids.slice(1))).rejects.toThrow('the test split has changed since');
    const text = await readFile(path, 'utf8');
    for (const damaged of [text.slice(0, 100), text.replace('audit/1', 'audit/9'), '[]']) {
      await writeFile(path, damaged);
      await expect(readDesign(path, ids)).rejects.toThrow('is not what `limbeck audit` wrote. Move it');
    }
  });
});
