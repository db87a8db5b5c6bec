import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {inputAt, selectInputs, type TensorInputs} from '../../src/data/inputs.ts';
import {asSplit, assignSplits, drawExamples, holdOut, transferSet} from '../../src/data/split.ts';

/** Example i is the bytes [i, i + 100] with label i % 3. */
function examples(count: number) {
  const data = Uint8Array.from({length: count * 2}, (_, index) => (index >> 1) + (index % 2) * 100);
  const inputs: TensorInputs = {kind: 'tensor', dtype: 'uint8', shape: [2], count, data};
  return {inputs, labels: Int32Array.from({length: count}, (_, index) => index % 3)};
}

const first = (inputs: TensorInputs, index: number) => inputs.data[index * 2]!;

describe('holdOut', () => {
  it('divides the examples: none is lost, none is in both splits', () => {
    fc.assert(
      fc.property(fc.integer({min: 2, max: 80}), fc.integer(), (count, seed) => {
        const validation = Math.max(1, Math.floor(count / 3));
        const parts = holdOut(examples(count), {validation, seed});
        const ids = [parts.train, parts.validation].flatMap(({inputs}) =>
          Array.from({length: inputs.count}, (_, index) => first(inputs as TensorInputs, index)),
        );
        expect(parts.validation.inputs.count).toBe(validation);
        expect([...ids].sort((a, b) => a - b)).toEqual(Array.from({length: count}, (_, index) => index));
      }),
    );
  });

  it('keeps every label with its input', () => {
    const {train, validation} = holdOut(examples(60), {validation: 20, seed: 4});
    for (const {inputs, labels} of [train, validation]) {
      for (const [index, label] of labels.entries()) expect(label).toBe(first(inputs as TensorInputs, index) % 3);
    }
  });

  it('draws the same for the same seed and differently for another one', () => {
    const drawn = (seed: number) => [...holdOut(examples(60), {validation: 20, seed}).validation.labels];
    expect(drawn(4)).toEqual(drawn(4));
    expect(drawn(4)).not.toEqual(drawn(5));
  });

  it('refuses to leave a split empty', () => {
    expect(() => holdOut(examples(3), {validation: 3})).toThrow('from 1 to 2, got 3');
    expect(() => holdOut(examples(3), {validation: 0})).toThrow('from 1 to 2, got 0');
  });
});

describe('drawExamples', () => {
  it('draws each example at most once', () => {
    const drawn = drawExamples(asSplit('train', examples(50)), {size: 40});
    expect(new Set(Array.from({length: 40}, (_, index) => first(drawn.inputs as TensorInputs, index))).size).toBe(40);
  });

  it('tells how many there are if more are wanted', () => {
    expect(() => drawExamples(asSplit('train', examples(5)), {size: 6})).toThrow('from 1 to 5, got 6');
  });
});

describe('transferSet', () => {
  it('carries no labels', () => {
    expect(transferSet(asSplit('train', examples(3)))).not.toHaveProperty('labels');
  });
});

describe('asSplit', () => {
  it('refuses different numbers of inputs and labels', () => {
    expect(() => asSplit('test', {...examples(3), labels: Int32Array.of(1)})).toThrow('3 inputs but 1 labels');
  });
});

describe('inputs', () => {
  it('inputAt shares memory and refuses indices outside the set', () => {
    const {inputs} = examples(3);
    const input = inputAt(inputs, 1);
    expect(input).toMatchObject({kind: 'tensor', dtype: 'uint8', shape: [2]});
    expect(input.kind === 'tensor' && [...input.data]).toEqual([1, 101]);
    expect(() => inputAt(inputs, 3)).toThrow('There is no input 3: the set holds 3.');
  });

  it('selectInputs copies texts and tensors in the order asked for', () => {
    expect(selectInputs({kind: 'text', count: 3, texts: ['a', 'b', 'c']}, [2, 0])).toEqual({
      kind: 'text',
      count: 2,
      texts: ['c', 'a'],
    });
    const {inputs} = examples(3);
    const selected = selectInputs(inputs, [2, 2]) as TensorInputs;
    expect([...selected.data]).toEqual([2, 102, 2, 102]);
    selected.data[0] = 9;
    expect(inputs.data[4]).toBe(2);
  });
});

describe('assignSplits', () => {
  it('divides the examples: none is lost, none is in two splits', () => {
    fc.assert(
      fc.property(fc.integer({min: 12, max: 200}), fc.integer(), fc.boolean(), (count, seed, hasLabels) => {
        const labels = hasLabels ? Int32Array.from({length: count}, (_, index) => index % 3) : undefined;
        const splits = assignSplits(count, labels, {validation: 0.1, test: 3}, seed);
        expect(splits.test).toHaveLength(3);
        expect(splits.validation).toHaveLength(Math.max(1, Math.round(count / 10)));
        const all = Object.values(splits).flatMap(split => [...split]);
        expect(all.sort((a, b) => a - b)).toEqual(Array.from({length: count}, (_, index) => index));
      }),
    );
  });

  it('gives each class its share in each split', () => {
    const labels = Int32Array.from({length: 1000}, (_, index) => (index < 900 ? 0 : index < 990 ? 1 : 2));
    const splits = assignSplits(1000, labels, {validation: 0.1, test: 0.2}, 7);
    const counts = (split: Int32Array | undefined) =>
      [0, 1, 2].map(label => split?.filter(index => labels[index] === label).length);
    expect(counts(splits.test)).toEqual([180, 18, 2]);
    expect(counts(splits.validation)).toEqual([90, 9, 1]);
    expect(counts(splits.train)).toEqual([630, 63, 7]);
  });

  it('draws the same for the same seed, differently for another one, and not in the order of the classes', () => {
    const labels = Int32Array.from({length: 60}, (_, index) => Number(index >= 30));
    const drawn = (seed: number) => [...(assignSplits(60, labels, {test: 0.2}, seed).train ?? [])];
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
    expect(drawn(1).map(index => labels[index])).not.toEqual([...drawn(1).map(index => labels[index])].sort());
  });

  it('draws only the splits that have a size', () => {
    expect(Object.keys(assignSplits(5, undefined, {test: 1}, 0))).toEqual(['train', 'test']);
  });

  it.each([
    [{test: 0}, /`test` to be a share between 0 and 1 or a whole number of texts, got 0/],
    [{validation: 1.5}, /`validation` to be .* got 1\.5/],
    [{test: 0.5, validation: 5}, /Validation takes 5 and the test 5 of 10 texts, so none is left/],
  ])('refuses the sizes %j', (sizes, said) => {
    expect(() => assignSplits(10, undefined, sizes, 0)).toThrow(said);
  });
});
