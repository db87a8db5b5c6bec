import {adam, defineRecipe, hashedNgrams, holdOut, type Recipe, topKLabels, type UnlabelledDataset} from 'limbeck';
import {openai} from 'limbeck/adapters/openai';
import {addressOf} from '../chat-service.ts';
import {classes, readMails} from './mails.ts';

/** The port of the service in `main.ts`. */
export const PORT = 8765;

/** 1,500 mails to measure with, and all others to ask about. None has a label. */
function mails(): UnlabelledDataset {
  const all = readMails();
  const inputs = {kind: 'text', count: all.length, texts: all.map(({text}) => text)} as const;
  const examples = {inputs, labels: Int32Array.from(all, ({label}) => label)};
  const {train, validation} = holdOut(examples, {validation: 1500, seed: 1});
  return {classes, train: {role: 'train', inputs: train.inputs}, test: {role: 'test', inputs: validation.inputs}};
}

/** A student that learns from a number of answers. */
export function spamRecipe(calls: number): Recipe<UnlabelledDataset> {
  return defineRecipe({
    name: `spam-${calls}`,
    data: mails,
    transfer: {size: calls, seed: 1},
    teachers: {
      'gray-box': () =>
        openai({
          // Replace it with any model that speaks the protocol.
          url: addressOf(PORT),
          model: 'mail-sorter',
          classes,
          descriptions: {spam: 'advertising or fraud that nobody asked for'},
          output: 'log-probabilities',
          concurrency: 8,
          // A hosted model's price, so that the plan and the ledger have something to say.
          price: {perMillionInputTokens: 0.4, perMillionOutputTokens: 1.6},
          key: 'none',
        }),
    },
    student: hashedNgrams({buckets: 2 ** 15}),
    methods: [
      {level: 'gray-box', method: 'top-2', detail: {kind: 'top-k', k: 2}, losses: [topKLabels({temperature: 1})]},
    ],
    seeds: [1, 2, 3],
    training: {epochs: 20, batchSize: 32, optimizer: adam({learningRate: 0.01})},
    calibration: {agreement: 0.98, confidence: 0.95},
  });
}

export default spamRecipe(500);
