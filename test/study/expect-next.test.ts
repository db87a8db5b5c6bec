import {describe, expect, it} from 'vitest';
import {randomInteger, seededRandom} from '../../src/data/random.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {expectNext} from '../../src/study/expect-next.ts';
import type {TaughtMethod} from '../../src/study/methods.ts';

const CLASSES = ['rain', 'sun', 'snow'];

/** Texts of six words: four of a vocabulary of 40 words that their class has, two of any. */
function textsOf(count: number): Knowledge {
  const random = seededRandom(1);
  const word = (kind: number) => `w${kind}x${randomInteger(random, 0, 39)}`;
  const labels = Int32Array.from({length: count}, (_, row) => row % 3);
  const texts = Array.from(labels, label =>
    [...Array.from({length: 4}, () => word(label)), word(3), word(4)].join(' '),
  );
  return {
    ...{source: {access: 'black-box', identity: {}}, classes: CLASSES, detail: {kind: 'label'}},
    ...{inputs: {kind: 'text', count, texts}, answers: {kind: 'label', count, labels}},
  };
}

const taught = (knowledge: Knowledge, more: Partial<TaughtMethod> = {}) => ({knowledge, ...more}) as TaughtMethod;

describe('expectNext', () => {
  const knowledge = textsOf(60);

  it('expects a gain of more answers while there is one, and less of it once there are many', async () => {
    const [few, many] = [
      await expectNext(taught(knowledge), 1, undefined),
      await expectNext(taught(textsOf(600)), 1, undefined),
    ];
    expect(few).toMatchObject({answers: 60, confidence: 0.9});
    expect(few!.gain).toBeGreaterThan(0.001);
    expect(few!.interval[0]).toBeLessThan(few!.gain);
    expect(many!.answers).toBe(500);
    expect(many!.gain).toBeLessThan(few!.gain);
    expect(await expectNext(taught(knowledge), 1, undefined)).toEqual(few);
    expect(few).not.toHaveProperty('encoder');
  });

  it('works on the vectors of an assistant, and its names of classes', async () => {
    const asked: string[] = [];
    const of = async (texts: readonly string[]) => {
      asked.push(...texts);
      return Float32Array.from(
        texts.flatMap(text =>
          [0, 1, 2].map(kind => Number(text.includes(CLASSES[kind]!) || text.startsWith(`w${kind}`))),
        ),
      );
    };
    const next = await expectNext(taught(knowledge), 1, {encoder: 'tiny', width: 3, names: CLASSES, of});
    expect(asked.slice(0, 3)).toEqual(CLASSES);
    // The names say it all.
    expect(next).toMatchObject({encoder: 'tiny', answers: 60, gain: 0});
  });

  it('counts that some of the further answers calibrate', async () => {
    const whole = await expectNext(taught(knowledge), 1, undefined);
    const apart = await expectNext(taught(knowledge, {allAnswers: textsOf(120)}), 1, undefined);
    expect(apart!.answers).toBe(120);
    expect(apart!.gain).toBeCloseTo(whole!.gain, 12);
  });

  it('says nothing of true labels, of inputs that were chosen, of numbers, and of a handful of answers', async () => {
    const tensor = {kind: 'tensor', dtype: 'float32', shape: [1], count: 60, data: new Float32Array(60)} as const;
    for (const method of [
      taught({...knowledge, source: {access: 'truth', identity: {}}}),
      taught(knowledge, {select: {} as NonNullable<TaughtMethod['select']>}),
      taught({...knowledge, inputs: tensor}),
      taught(textsOf(12)),
    ]) {
      expect(await expectNext(method, 1, undefined)).toBeUndefined();
    }
  });
});
