import {adam, hardLabels, mlp, predictLogits, type StudentBuilder, train, trueLabels} from 'limbeck';
import {detect, classes as languageNames, languages} from '../../../examples/languages/detectors.ts';
import {classes as mailClasses, readMails} from '../../../examples/spam/mails.ts';
import {argmaxRows, softmaxRows} from '../../../src/data/arrays.ts';
import type {TensorInputs} from '../../../src/data/inputs.ts';
import {randomNormals, seededRandom} from '../../../src/data/random.ts';
import {readTexts} from '../../../src/data/text-reading.ts';

/** A pool of inputs with a teacher's answers. Each draw buys some of the answers. */
export interface CascadeTask {
  readonly task: string;
  readonly classes: readonly string[];
  /** The wanted agreement. */
  readonly target: number;
  /** Number of answers that a draw buys. */
  readonly answers: number;
  readonly inputs: TensorInputs;
  /** [inputs], the teacher's label of each; undefined if it draws its answers. */
  readonly labels?: Int32Array;
  /** [inputs, classes], probabilities of the teacher's answers. The risk is then known, not counted. */
  readonly probabilities?: Float32Array;
  /** Widths of the student's hidden layers. */
  readonly units: readonly number[];
}

export const TASKS: Readonly<Record<string, () => CascadeTask | Promise<CascadeTask>>> = {
  mails,
  languages: pieces,
  synthetic,
};

/** Length of the row that a text becomes. Texts are read once for all draws, so that a draw takes a second. */
const BUCKETS = 1024;

const reading = {kind: 'n-grams', buckets: BUCKETS, words: 1, characters: [3, 4], length: 2000} as const;

/** The mails of examples/spam, sorted by a linear model that learned all of them. */
async function mails(): Promise<CascadeTask> {
  const all = readMails();
  const texts = all.map(({text}) => text);
  const seen = readTexts(texts, {...reading, buckets: 4 * BUCKETS});
  const teacher = mlp({units: []})({classes: mailClasses, inputShape: seen.shape, preprocessing: {}}, 1);
  const knowledge = trueLabels({inputs: seen, labels: Int32Array.from(all, ({label}) => label)}, mailClasses);
  const options = {losses: [hardLabels()], seed: 1, epochs: 4, batchSize: 64, optimizer: adam({learningRate: 0.01})};
  for await (const _epoch of train(teacher, knowledge, options));
  const labels = Int32Array.from(argmaxRows(await predictLogits(teacher, seen), mailClasses.length));
  teacher.model.dispose();
  const shared = {task: 'mails', classes: mailClasses, target: 0.98, answers: 600, units: [16]};
  return {...shared, inputs: readTexts(texts, reading), labels};
}

/** Pieces of the lines of examples/languages, as the detector `eld` names them. There are too few whole lines. */
function pieces(): CascadeTask {
  const texts = [...new Set(languages.flatMap(({lines}) => lines.flatMap(piecesOf)))].filter(isDetected);
  const shared = {task: 'languages', classes: languageNames, target: 0.97, answers: 1000, units: [32]};
  return {...shared, inputs: readTexts(texts, reading), labels: Int32Array.from(texts, detect)};
}

const PIECE = 60;

/** Cuts a line at spaces into pieces that fit. A script without spaces stays whole. */
function piecesOf(line: string): string[] {
  const made: string[] = [];
  for (const word of line.split(/\s+/)) {
    const last = made.at(-1);
    if (last !== undefined && last.length + word.length < PIECE) made[made.length - 1] = `${last} ${word}`;
    else made.push(word);
  }
  return made.filter(piece => piece.length >= PIECE / 2);
}

function isDetected(text: string): boolean {
  try {
    return detect(text) >= 0;
  } catch {
    return false;
  }
}

const DIMENSIONS = 8;
const CLASSES = 4;

/** A linear teacher of four classes that draws its answers: its noise is known, and so is the risk of any threshold. */
function synthetic(): CascadeTask {
  const count = 50_000;
  const random = seededRandom(1, 'synthetic task');
  const data = Float32Array.from(randomNormals(random, count * DIMENSIONS));
  const weights = randomNormals(random, DIMENSIONS * CLASSES);
  const logits = new Float32Array(count * CLASSES);
  for (let row = 0; row < count; row++) {
    for (let dimension = 0; dimension < DIMENSIONS; dimension++) {
      const value = data[row * DIMENSIONS + dimension]!;
      for (let k = 0; k < CLASSES; k++) logits[row * CLASSES + k]! += 3 * value * weights[dimension * CLASSES + k]!;
    }
  }
  return {
    ...{task: 'synthetic', classes: ['a', 'b', 'c', 'd'], target: 0.95, answers: 400, units: [16]},
    inputs: {kind: 'tensor', dtype: 'float32', shape: [DIMENSIONS], count, data},
    probabilities: Float32Array.from(softmaxRows(logits, CLASSES, 1)),
  };
}

/** The student of a task. */
export function studentOf({units}: Pick<CascadeTask, 'units'>): StudentBuilder {
  return mlp({units});
}
