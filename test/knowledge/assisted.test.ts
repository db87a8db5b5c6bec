import {beforeAll, describe, expect, it} from 'vitest';
import {selectInputs, type TensorInputs} from '../../src/data/inputs.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {asSplit} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {meanKl, nll} from '../../src/evaluate/metrics.ts';
import {answeredRowsOf, assistedKnowledge} from '../../src/knowledge/assisted.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {Epoch, TrainOptions} from '../../src/train/options.ts';
import {train} from '../../src/train/train.ts';

const classes = ['a', 'b', 'c'];
const random = seededRandom(1, 'assisted');
const [answers, all] = [10, 40];
const inputs: TensorInputs = {
  kind: 'tensor',
  dtype: 'float32',
  shape: [2],
  count: all,
  data: Float32Array.from({length: 2 * all}, () => randomFraction(random)),
};
const labels = Int32Array.from({length: answers}, (_, row) => row % 3);
const probabilities = Float32Array.from({length: all}, () => 0.1 + 0.8 * randomFraction(random));
const logProbabilities = Float32Array.from({length: 3 * all}, (_, index) => {
  const first = probabilities[Math.floor(index / 3)]!;
  return Math.log(index % 3 === 0 ? first : (1 - first) / 2);
});
const source = {access: 'black-box', identity: {}} as const;
const answered: Knowledge = {
  source,
  classes,
  detail: {kind: 'label'},
  inputs: selectInputs(inputs, [...labels.keys()]),
  answers: {kind: 'label', count: answers, labels},
};
const assisted: Knowledge = {
  source,
  classes,
  detail: {kind: 'log-probabilities'},
  inputs,
  answers: {kind: 'log-probabilities', count: all, logProbabilities},
};

beforeAll(startEngine);

function fresh() {
  return mlp({units: [4]})({classes, inputShape: [2], preprocessing: {}}, 3);
}

async function run(weight: number, options: Partial<TrainOptions> = {}): Promise<Epoch> {
  const student = fresh();
  const knowledge = assistedKnowledge(answered, assisted, weight);
  let last: Epoch | undefined;
  for await (const epoch of train(student, knowledge, {
    losses: [hardLabels()],
    seed: 1,
    epochs: 1,
    batchSize: all,
    ...options,
  })) {
    last = epoch;
  }
  return last!;
}

describe('assisted knowledge', () => {
  it('has answers for its first inputs alone', () => {
    const rows = answeredRowsOf(assistedKnowledge(answered, assisted, 1));
    expect([...rows]).toEqual(Array.from({length: all}, (_, row) => (row < answers ? row : -1)));
  });

  it('teaches by the answers where there are some, and by the labels of the assistant everywhere', async () => {
    const student = fresh();
    const own = await predictLogits(student, answered.inputs);
    const logits = await predictLogits(student, inputs);
    const {terms, loss} = await run(3);
    const [hard, soft] = [nll(own, labels, 3), meanKl(logProbabilities, logits, 3)];
    const [ofAnswers, ofAssistant] = Object.entries(terms);
    expect(ofAnswers![1]).toBeCloseTo(hard, 5);
    expect(ofAssistant![0]).toMatch(/^assistant: /);
    expect(ofAssistant![1]).toBeCloseTo(soft, 5);
    // An answer counts 1, and there is one for a quarter of the inputs.
    expect(loss).toBeCloseTo((0.25 * hard + 3 * soft) / 3.25, 5);
  });

  it('teaches by few answers among many inputs, though whole batches have none', async () => {
    const one = {
      ...answered,
      inputs: selectInputs(inputs, [0]),
      answers: {kind: 'label', count: 1, labels: Int32Array.of(0)},
    };
    for (let seed = 0; seed < 5; seed++) {
      const student = fresh();
      const knowledge = assistedKnowledge(one as Knowledge, assisted, 1);
      for await (const {loss} of train(student, knowledge, {losses: [hardLabels()], seed, epochs: 1, batchSize: 4})) {
        expect(loss).toBeGreaterThan(0);
      }
    }
  });

  it('is validated by true labels, as answers alone are', async () => {
    const validation = asSplit('validation', {inputs: answered.inputs, labels});
    const epoch = await run(1, {validation});
    expect(epoch.validation!.accuracy).toBeGreaterThanOrEqual(0);
    expect(epoch.questions).toBeUndefined();
  });

  it('judges the fit by the answers alone', async () => {
    let fit: unknown;
    await run(1, {
      onFit: found => {
        fit = found;
      },
    });
    expect(fit).not.toHaveProperty('questions');
  });
});
