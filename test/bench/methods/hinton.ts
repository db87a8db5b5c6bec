/** The digits that a student never saw: Hinton, Vinyals and Dean (2015), section 3. */
import {asTeacher, collect, type Dataset, hardLabels, type Student, softLabels, transferSet} from 'limbeck';
import {coarsenKnowledge, selectSplit} from 'limbeck/data';
import {argmaxRows} from 'limbeck/metrics';
import {bestBias, type Judged, withBias} from './bias.ts';
import type {Measured} from './figures.ts';
import {type Learned, learn, SEEDS, shareRightIn} from './lab.ts';

const TEMPERATURE = 20;
const LESSON = {units: [256, 256], steps: 3000, batchSize: 128};

/** The student gets all training images except the 3s. */
export async function omittedDigit(teacher: Student, data: Dataset): Promise<Measured<'omittedDigit'>> {
  const {hard, soft, biased, ...rest} = await withoutClasses(teacher, data, {
    what: 'No 3s',
    seen: data.classes.map((_, index) => index).filter(index => index !== 3),
    raised: [3],
  });
  const recallOf3 = (judged: readonly Judged[]) => judged.map(one => recall(one, 3));
  return {
    runs: {hardRecall: recallOf3(hard), softRecall: recallOf3(soft), biasedRecall: recallOf3(biased)},
    ...rest,
  };
}

/** The student gets only 7s and 8s. */
export async function sevensAndEights(teacher: Student, data: Dataset): Promise<Measured<'sevensAndEights'>> {
  const {hard, soft, biased, ...rest} = await withoutClasses(teacher, data, {
    what: 'Only 7s and 8s',
    seen: [7, 8],
    raised: [7, 8],
  });
  return {
    runs: {hardErrors: hard.map(errors), softErrors: soft.map(errors), biasedErrors: biased.map(errors)},
    ...rest,
  };
}

interface Omission {
  readonly what: string;
  /** Classes, by true label, of the images that the teacher is asked about. */
  readonly seen: readonly number[];
  /** Classes that the one bias is added to. */
  readonly raised: readonly number[];
}

/** Test logits of each seed's students. Hard labels are those that the teacher names, right or not. */
async function withoutClasses(model: Student, data: Dataset, {what, seen, raised}: Omission) {
  const rows = [...data.train.labels.keys()].filter(row => seen.includes(data.train.labels[row]!));
  const knowledge = await collect(asTeacher(model), transferSet(selectSplit(data.train, rows)));
  const labelled = coarsenKnowledge(knowledge, {kind: 'label'});
  const [hard, soft, biased]: [Judged[], Judged[], Judged[]] = [[], [], []];
  const biases: number[] = [];
  for (const seed of SEEDS) {
    hard.push((await learn(labelled, {...LESSON, losses: [hardLabels()], seed}, data)).test);
    const losses = [softLabels({temperature: TEMPERATURE})];
    const {validation, test}: Learned = await learn(knowledge, {...LESSON, losses, seed}, data);
    const bias = bestBias(validation, data.classes.length, raised);
    biases.push(bias);
    soft.push(test);
    biased.push({...test, logits: withBias(test.logits, data.classes.length, raised, bias)});
  }
  return {
    ...{hard, soft, biased},
    settings: {images: rows.length, temperature: TEMPERATURE, biases, ...LESSON},
    note: `${what}: ${rows.length} images; bias by validation ${biases.map(bias => bias.toFixed(1)).join(', ')}.`,
  };
}

/** Share of the images of a class that are classified correctly. */
function recall({logits, labels}: Judged, wanted: number): number {
  const named = argmaxRows(logits, logits.length / labels.length);
  const rows = [...labels.keys()].filter(row => labels[row] === wanted);
  return rows.filter(row => named[row] === wanted).length / rows.length;
}

function errors(judged: Judged): number {
  return Math.round(judged.labels.length * (1 - shareRightIn(judged)));
}
