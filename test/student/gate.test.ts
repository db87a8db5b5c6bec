import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {randomInteger, seededRandom} from '../../src/data/random.ts';
import {readTexts} from '../../src/data/text-reading.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import {loadStudent, saveStudent} from '../../src/student/files.ts';
import {fitGate, type Gate, gateBytes, gatekeeper, gateTexts} from '../../src/student/gate.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';

const random = seededRandom(1, 'texts');
const pick = (words: readonly string[]) => words[randomInteger(random, 0, words.length - 1)]!;
const verbs = ['move', 'cancel', 'book', 'confirm', 'shift', 'plan', 'prepare', 'skip'];
const things = ['meeting', 'lunch', 'review', 'interview', 'training', 'call', 'visit', 'party', 'demo', 'talk'];
const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'tomorrow', 'today', 'next week'];
const request = () =>
  `Please ${pick(verbs)} the ${pick(things)} with ${pick(things)} on ${pick(days)} at ${randomInteger(random, 1, 12)}.`;
const requests = (count: number) => Array.from({length: count}, request);

let folder: string;
beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-gate-'));
});
afterAll(() => rm(folder, {recursive: true, force: true}));

/** The likeness by its definition: the greatest cosine of vectors of 0 and 1. */
function likeness({reading}: Gate, text: string, kept: readonly string[]): number {
  const setOf = (one: string) => readTexts([one], reading).data.map(value => (value > 0 ? 1 : 0));
  const sizeOf = (set: ArrayLike<number>) => Array.from(set).filter(value => value > 0).length;
  const own = setOf(text);
  return Math.max(
    ...kept.map(other => {
      const set = setOf(other);
      const shared = Array.from(own).filter((value, bucket) => value > 0 && set[bucket]! > 0).length;
      return shared / Math.sqrt(sizeOf(own) * sizeOf(set));
    }),
  );
}

describe('a gate', () => {
  it('refuses about one in a hundred of texts like those it was fitted to, and nearly all of another kind', () => {
    const refuses = gatekeeper(fitGate(requests(1500), 1)!);
    // 20 of 2,000 are expected; the cut-off varies by a third of that, and so does the count.
    expect(requests(2000).filter(refuses).length).toBeLessThan(60);
    const other = [
      'Der Hund schläft unter dem Tisch.',
      'SELECT name FROM users',
      'xqzw vvkj',
      '',
      '今日はいい天気です',
    ];
    expect(other.filter(refuses)).toEqual(other);
  });

  it('compares by the cosine to the most like text, one that is measured left out', () => {
    const texts = requests(30);
    const gate = fitGate(texts, 1)!;
    const least = Math.min(
      ...texts.map((text, index) =>
        likeness(
          gate,
          text,
          texts.filter((_, other) => other !== index),
        ),
      ),
    );
    // One in a hundred of 30 is none: the cut-off is the least likeness of all.
    expect(gate.cutOff).toBeCloseTo(least, 12);
    for (const text of [...requests(5), 'something quite different']) {
      expect(gatekeeper(gate)(text)).toBe(likeness(gate, text, texts) < gate.cutOff);
    }
  });

  it('is none where there are too few texts to say what is usual', () => {
    expect(fitGate(requests(19), 1)).toBeUndefined();
  });

  it('is kept with a student, who loads without one as before', async () => {
    const task = {classes: ['a', 'b'], kind: 'text', inputShape: [], preprocessing: {}} as const;
    const student = hashedNgrams()(task, 1);
    const gate = fitGate(requests(40), 1)!;
    const path = join(folder, 'gated');
    await saveStudent(path, {...student, gate});
    expect((await loadStudent(path)).gate).toEqual(gate);
    expect(JSON.parse(await readFile(join(path, 'limbeck.json'), 'utf8'))).toMatchObject({gate: {texts: 40}});
    await writeFile(join(path, 'gate.bin'), gateBytes(gate).subarray(2));
    await expect(loadStudent(path)).rejects.toThrow(`${join(path, 'gate.bin')} is damaged`);
    await saveStudent(path, student);
    expect(await loadStudent(path)).not.toHaveProperty('gate');
  });

  it.each([
    ['cut short', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 2)],
    ['of half a number', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
    ['empty', () => new Uint8Array()],
    ['of other buckets', (bytes: Uint8Array) => bytes.map(() => 255)],
  ])('refuses a file that is %s', (_, damage) => {
    const gate = fitGate(requests(30), 1)!;
    const read = () => gateTexts(damage(gateBytes(gate)), gate.texts.length, gate.reading, 'gate.bin');
    expect(read).toThrow(InputError);
  });
});
