import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {naiveBayes} from '../../src/assistant/word-counts.ts';

interface Fixture {
  readonly classes: number;
  readonly buckets: number;
  readonly texts: readonly (readonly number[])[];
  readonly targets: readonly number[];
  readonly unseen: readonly (readonly number[])[];
  readonly named: readonly number[];
}

const path = join(import.meta.dirname, '../fixtures/assistant/naive-bayes.json');
const {classes, buckets, named, ...lists}: Fixture = JSON.parse(readFileSync(path, 'utf8'));

describe('naiveBayes', () => {
  it("names the classes that scikit-learn's MultinomialNB does", () => {
    const texts = lists.texts.map(text => Int32Array.from(text));
    const name = naiveBayes({texts, targets: Float32Array.from(lists.targets)}, classes, buckets);
    expect(lists.unseen.map(text => name(Int32Array.from(text)))).toEqual(named);
  });
});
