import {
  adam,
  defineRecipe,
  hardLabels,
  hashedNgrams,
  holdOut,
  type Method,
  type Recipe,
  topKLabels,
  type UnlabelledDataset,
} from 'limbeck';
import {openai} from 'limbeck/adapters/openai';
import {addressOf} from '../chat-service.ts';
import {classes, languages} from './detectors.ts';

/** The ports of the services in `main.ts`, one after the other. */
export const PORT = 8766;

/** 1,000 lines to measure with, and all others to ask about. */
function lines(): UnlabelledDataset {
  const texts = languages.flatMap(language => language.lines);
  const inputs = {kind: 'text', count: texts.length, texts} as const;
  const {train, validation} = holdOut({inputs, labels: new Int32Array(texts.length)}, {validation: 1000, seed: 1});
  return {classes, train: {role: 'train', inputs: train.inputs}, test: {role: 'test', inputs: validation.inputs}};
}

const shared = {url: addressOf(PORT), classes, codes: 'names', concurrency: 8, key: 'none'} as const;

/** A student that learns from a number of answers of `eld`, which shows only labels. */
export function labelRecipe(calls: number): Recipe<UnlabelledDataset> {
  return recipe(
    calls,
    {'black-box': () => openai({...shared, model: 'eld', output: 'label'})},
    {level: 'black-box', method: 'labels', losses: [hardLabels()]},
  );
}

/** A student that learns from a number of answers of `franc`, which shows scores. */
export function scoreRecipe(calls: number): Recipe<UnlabelledDataset> {
  return recipe(
    calls,
    {'gray-box': () => openai({...shared, model: 'franc', output: 'log-probabilities'})},
    {level: 'gray-box', method: 'top-20', detail: {kind: 'top-k', k: 20}, losses: [topKLabels({temperature: 1})]},
  );
}

function recipe(calls: number, teachers: Recipe['teachers'], method: Method): Recipe<UnlabelledDataset> {
  return defineRecipe({
    name: `languages-${method.method}-${calls}`,
    data: lines,
    transfer: {size: calls, seed: 1},
    teachers,
    student: hashedNgrams(),
    methods: [method],
    seeds: [1, 2, 3],
    training: {epochs: 20, batchSize: 32, optimizer: adam({learningRate: 0.01})},
    calibration: {agreement: 0.97, confidence: 0.95},
  });
}

export default labelRecipe(500);
