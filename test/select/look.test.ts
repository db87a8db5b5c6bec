import {beforeAll, describe, expect, it} from 'vitest';
import {selectInputs} from '../../src/data/inputs.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {Encodings} from '../../src/select/encodings.ts';
import {lookAt} from '../../src/select/look.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictActivations, predictLogits} from '../../src/student/predict.ts';
import {classes, tinyData} from '../study/tiny.ts';

beforeAll(startEngine);

const {train} = tinyData();
const learned = trueLabels(
  {...train, inputs: selectInputs(train.inputs, [5, 9]), labels: train.labels.filter((_, row) => [5, 9].includes(row))},
  classes,
);
const encodings = new Encodings(undefined);
const rows = Int32Array.of(1, 7, 30);
const students = (units: readonly number[]) =>
  [1, 2].map(seed => mlp({units})({classes, inputShape: [4, 4, 1], preprocessing: {scale: 1 / 255}}, seed));
const look = (needs: {readonly students: number; readonly embeddings: boolean}, units: readonly number[] = [6]) =>
  lookAt(train.inputs, rows, students(units), learned, {needs, seed: 3, encodings});

describe('lookAt', () => {
  it('asks only as many students as are needed', async () => {
    const known = {count: 3, classes: 3, seed: 3, labels: Int32Array.from([train.labels[5]!, train.labels[9]!])};
    expect(await look({students: 0, embeddings: false})).toEqual({...known, logits: []});
    const both = students([6]);
    const inputs = selectInputs(train.inputs, rows);
    const logits = [await predictLogits(both[0]!, inputs), await predictLogits(both[1]!, inputs)];
    expect(await look({students: 2, embeddings: false})).toEqual({...known, logits});
    expect((await look({students: 1, embeddings: false})).logits).toEqual(logits.slice(0, 1));
  });

  it('represents inputs by what goes into the last layer', async () => {
    const {embeddings} = await look({students: 1, embeddings: true}, [6, 4]);
    expect(embeddings!.width).toBe(4);
    const [student] = students([6, 4]);
    const outputs = await predictActivations(student!, learned.inputs, ['dense_2']);
    expect([...embeddings!.answered]).toEqual([...outputs.slice(3, 7), ...outputs.slice(10, 14)]);
    expect(embeddings!.candidates).toHaveLength(12);
  });

  it('represents inputs of a student with one layer by what goes into that, or else by its logits', async () => {
    expect((await look({students: 1, embeddings: true}, [])).embeddings!.width).toBe(16);
    const inputs = {kind: 'tensor', dtype: 'float32', shape: [2], count: 2, data: Float32Array.of(1, 2, 3, 4)} as const;
    const student = mlp({units: []})({classes, inputShape: [2], preprocessing: {}}, 1);
    const options = {needs: {students: 1, embeddings: true}, seed: 1, encodings};
    const {embeddings, logits} = await lookAt(inputs, Int32Array.of(0, 1), [student], {...learned, inputs}, options);
    expect(embeddings!.candidates).toEqual(logits[0]);
  });
});
