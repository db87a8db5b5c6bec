/** A teacher of clothes is asked about digits: Orekondy et al. (2019), Knockoff Nets, with another set of images. */
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {
  adam,
  asTeacher,
  collect,
  type Dataset,
  drawExamples,
  hardLabels,
  loadStudent,
  mlp,
  type Student,
  saveStudent,
  softLabels,
  train,
  transferSet,
  trueLabels,
} from 'limbeck';
import {degrade} from 'limbeck/ask';
import {coarsenKnowledge} from 'limbeck/data';
import type {Measured} from './figures.ts';
import {choose, learn, onEverySeed, PREPROCESSING, readDataset, testAccuracies} from './lab.ts';

/** The path of Debian's package `dataset-fashion-mnist`. */
const FASHION = '/usr/share/datasets/fashion-mnist';
const CLASSES = ['top', 'trousers', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'boot'];
/** The settings of the teacher, which is kept between runs under them. */
const TEACHER = {units: [512, 512], epochs: 8, batchSize: 128, seed: 1};

const QUERIES = 20_000;
const LESSON = {units: [256, 256], steps: 4000, batchSize: 64};
const TEMPERATURES = [1, 4, 8];

/**
 * The temperature is chosen on clothes that the teacher did not see.
 *
 * @param cache - folder of the teachers that this engine made
 */
export async function outOfDomain(digits: Dataset, cache: string): Promise<Measured<'outOfDomain'>> {
  if (!existsSync(FASHION)) {
    return {skipped: `needs ${FASHION}, of the Debian package dataset-fashion-mnist`};
  }
  const data = await readDataset(FASHION, CLASSES, '.gz');
  const model = await clothesTeacher(data, cache);
  const teacher = degrade(asTeacher(model), {access: 'gray-box', detail: {kind: 'log-probabilities'}});
  const known = await onEverySeed(seed =>
    collect(teacher, transferSet(drawExamples(digits.train, {size: QUERIES, seed}))),
  );
  const labels = await onEverySeed((seed, index) => {
    const labelled = coarsenKnowledge(known[index]!, {kind: 'label'});
    return learn(labelled, {...LESSON, losses: [hardLabels()], seed}, data);
  });
  const {chosen, accuracies, validation} = await choose(TEMPERATURES, (temperature, seed, index) =>
    learn(known[index]!, {...LESSON, losses: [softLabels({temperature})], seed}, data),
  );
  return {
    runs: {labels: testAccuracies(labels), logProbs: accuracies},
    settings: {queries: QUERIES, temperature: chosen, validation, teacher: TEACHER, ...LESSON},
    note: `Out of domain: ${QUERIES} images of digits; by validation T = ${chosen}.`,
  };
}

async function clothesTeacher(data: Dataset, cache: string): Promise<Student> {
  const {units, epochs, batchSize, seed} = TEACHER;
  const folder = join(cache, `clothes-${units.join('x')}-${epochs}-${batchSize}-${seed}`);
  if (existsSync(folder)) return loadStudent(folder);
  const model = mlp({units})({classes: CLASSES, inputShape: [28, 28, 1], preprocessing: PREPROCESSING}, seed);
  const lesson = {losses: [hardLabels()], seed, epochs, batchSize, optimizer: adam()};
  for await (const _ of train(model, trueLabels(data.train, CLASSES), lesson));
  await saveStudent(folder, model);
  return model;
}
