import {Writable} from 'node:stream';
import {setImmediate} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {joined, openPredictions, type PredictionForm, predictionsOf} from '../../src/cli/predictions.ts';
import {choice, predicate} from '../../src/questions.ts';

const classes = ['bug', 'praise'];
const logits = Float32Array.of(1, 0, 0, 3);

describe('predictionsOf', () => {
  it('gives the likeliest class with its probability', () => {
    const [first, second] = predictionsOf({classes}, logits, ['T-1']);
    const probability = 1 / (1 + Math.exp(-1));
    expect(first).toEqual({
      ...{id: 'T-1', class: 'bug', label: 0},
      confidence: expect.closeTo(probability, 6),
      probabilities: [expect.closeTo(probability, 6), expect.closeTo(1 - probability, 6)],
    });
    expect(second).toMatchObject({class: 'praise', label: 1});
    expect(second).not.toHaveProperty('id');
  });

  it('divides the logits by the temperature of a calibrated student, and abstains below its threshold', () => {
    const calibration = {temperature: 2, threshold: 0.8};
    const [first, second] = predictionsOf({classes, calibration}, logits);
    expect(first).toMatchObject({
      class: 'bug',
      confidence: expect.closeTo(1 / (1 + Math.exp(-0.5)), 6),
      abstains: true,
    });
    expect(second).toMatchObject({confidence: expect.closeTo(1 / (1 + Math.exp(-1.5)), 6), abstains: false});
  });
});

/** All that is printed of some predictions, written in parts. */
async function printed(form: PredictionForm, count = 2, several = false): Promise<string> {
  let text = '';
  const stdout = new Writable({
    // So little that every write must wait.
    highWaterMark: 1,
    async write(chunk, _, done) {
      await setImmediate();
      text += chunk;
      done();
    },
  });
  const calibration = {temperature: 1, threshold: 0.8};
  const all = predictionsOf({classes, calibration}, logits, ['T\t1', undefined]).slice(0, count);
  const writer = openPredictions(form, {student: 'folder', classes}, stdout);
  for (const prediction of several ? joined(heads, [all, urgent]) : all) await writer.write([prediction]);
  await writer.write([]);
  await writer.end();
  await new Promise<void>(resolve => {
    stdout.end(resolve);
  });
  return text;
}

const heads = [
  {classes, start: 0, question: choice('topic', '', classes)},
  {classes: ['no', 'yes'], start: 2, question: predicate('urgent', '')},
];
const urgent = predictionsOf(heads[1]!, Float32Array.of(0, 2, 4, 0), ['T\t1', undefined]);

describe('openPredictions', () => {
  it('prints a column with its confidence for each of several questions, under its name', async () => {
    expect(await printed('text', 2, true)).toBe(
      'topic\ttopic: confidence\turgent\turgent: confidence\tid\n' +
        'abstains\t0.7311\tyes\t0.8808\tT 1\npraise\t0.9526\tno\t0.9820\n',
    );
  });

  it('gives an object for each of several questions as JSON', async () => {
    const [first, second] = (await printed('jsonl', 2, true)).trimEnd().split('\n');
    expect(JSON.parse(first!)).toEqual({
      id: 'T\t1',
      answers: {
        topic: expect.objectContaining({class: 'bug', abstains: true}),
        urgent: {
          ...{class: 'yes', label: 1, confidence: expect.closeTo(0.8808, 4)},
          probabilities: [expect.closeTo(0.1192, 4), expect.closeTo(0.8808, 4)],
        },
      },
    });
    expect(JSON.parse(second!)).toMatchObject({answers: {topic: {class: 'praise'}, urgent: {class: 'no'}}});
  });

  it('prints a line for each: class or `abstains`, confidence, and what the input is called', async () => {
    expect(await printed('text')).toBe('abstains\t0.7311\tT 1\npraise\t0.9526\n');
  });

  it('prints one JSON document, whole though it is written part by part', async () => {
    const document = JSON.parse(await printed('json')) as {readonly predictions: readonly object[]};
    expect(document).toMatchObject({
      student: 'folder',
      classes,
      predictions: [{id: 'T\t1', abstains: true}, {label: 1}],
    });
    expect(JSON.parse(await printed('json', 0))).toEqual({student: 'folder', classes, predictions: []});
  });

  it('prints an object a line, and nothing of nothing', async () => {
    const lines = (await printed('jsonl')).trimEnd().split('\n');
    const {predictions} = JSON.parse(await printed('json')) as {readonly predictions: readonly object[]};
    expect(lines.map(line => JSON.parse(line) as object)).toEqual(predictions);
    expect(await printed('jsonl', 0)).toBe('');
    expect(await printed('text', 0)).toBe('');
  });
});
