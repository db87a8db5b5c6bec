import {type Inputs, mlp, type StudentBuilder} from 'limbeck';
import {logSoftmaxRows} from 'limbeck/metrics';
import recipe from '../../../examples/mnist/recipe.ts';
import {selectInputs, type TensorInputs} from '../../../src/data/inputs.ts';
import {
  type RandomGenerator,
  randomFraction,
  randomInteger,
  randomNormal,
  randomNormals,
  shuffledIndices,
} from '../../../src/data/random.ts';
import {readTexts} from '../../../src/data/text-reading.ts';
import {TASKS as CASCADES} from '../promises/cascade-tasks.ts';

/** Inputs with a teacher's distribution of each. */
export interface DrawnTask {
  readonly inputs: TensorInputs;
  /** [inputs, classes] */
  readonly logProbabilities: Float32Array;
  readonly classes: number;
  readonly student: StudentBuilder;
}

type Family = (random: RandomGenerator, count: number) => DrawnTask | Promise<DrawnTask>;

/** The thresholds of the judgement were chosen on these. */
export const CHOSEN_ON: Readonly<Record<string, Family>> = {networks, linear, mails: cut('mails'), pixels};

/** They are judged on these. */
export const JUDGED_ON: Readonly<Record<string, Family>> = {gaussians, xor, waves, words, languages: cut('languages')};

/** Small and larger students; the smallest is linear. */
function anyStudent(random: RandomGenerator): StudentBuilder {
  const units = [[], [8], [16], [64], [64, 64]] as const;
  return mlp({units: units[randomInteger(random, 0, units.length - 1)]!});
}

function vectors(data: ArrayLike<number>, width: number): TensorInputs {
  return {kind: 'tensor', dtype: 'float32', shape: [width], count: data.length / width, data: Float32Array.from(data)};
}

/** A teacher with a hidden layer and random weights. */
function networks(random: RandomGenerator, count: number): DrawnTask {
  const [width, hidden, classes] = [randomInteger(random, 5, 30), 30, randomInteger(random, 2, 6)];
  const sharpness = 0.5 + 3 * randomFraction(random);
  const data = randomNormals(random, count * width);
  const first = product(data, randomNormals(random, width * hidden), width).map(sum => Math.max(0, sum) / width ** 0.5);
  const logits = product(first, randomNormals(random, hidden * classes), hidden).map(sum => sum * sharpness);
  return task(vectors(data, width), logits, classes, random);
}

/** A linear teacher. */
function linear(random: RandomGenerator, count: number): DrawnTask {
  const [width, classes] = [randomInteger(random, 4, 20), randomInteger(random, 2, 6)];
  const data = randomNormals(random, count * width);
  const sharpness = (1 + 3 * randomFraction(random)) / width ** 0.5;
  const logits = product(data, randomNormals(random, width * classes), width).map(sum => sum * 2 * sharpness);
  return task(vectors(data, width), logits, classes, random);
}

/** Classes of up to three clouds each, by Bayes' rule. */
function gaussians(random: RandomGenerator, count: number): DrawnTask {
  const [width, classes] = [randomInteger(random, 2, 20), randomInteger(random, 2, 8)];
  const clouds = classes * randomInteger(random, 1, 3);
  const spread = 0.5 + 1.5 * randomFraction(random);
  const centres = randomNormals(random, clouds * width).map(value => value * spread);
  const data = new Float32Array(count * width);
  const logits = new Float64Array(count * classes);
  for (let row = 0; row < count; row++) {
    const cloud = randomInteger(random, 0, clouds - 1);
    for (let axis = 0; axis < width; axis++)
      data[row * width + axis] = centres[cloud * width + axis]! + randomNormal(random);
    const densities = new Float64Array(classes);
    for (let other = 0; other < clouds; other++) {
      let distance = 0;
      for (let axis = 0; axis < width; axis++)
        distance += (data[row * width + axis]! - centres[other * width + axis]!) ** 2;
      densities[other % classes]! += Math.exp(-distance / 2);
    }
    for (let k = 0; k < classes; k++) logits[row * classes + k] = Math.log(densities[k]! + 1e-30);
  }
  return task(vectors(data, width), logits, classes, random);
}

/** The class is the number of positive values, odd or even, among two or three of the columns; some answers are wrong. */
function xor(random: RandomGenerator, count: number): DrawnTask {
  const [width, bits] = [randomInteger(random, 3, 10), randomInteger(random, 2, 3)];
  const wrong = 0.2 * randomFraction(random) + 1e-3;
  const data = Float64Array.from({length: count * width}, () => 2 * randomFraction(random) - 1);
  const logit = Math.log((1 - wrong) / wrong);
  const logits = Float64Array.from({length: 2 * count}, (_, at) => {
    const start = (at >> 1) * width;
    const positive = data.subarray(start, start + bits).filter(value => value > 0).length;
    return positive % 2 === at % 2 ? logit : 0;
  });
  return task(vectors(data, width), logits, 2, random);
}

/** Logits that are waves along random directions. */
function waves(random: RandomGenerator, count: number): DrawnTask {
  const [width, classes] = [randomInteger(random, 2, 8), randomInteger(random, 2, 5)];
  const [pitch, sharpness] = [0.5 + 1.5 * randomFraction(random), 1 + 4 * randomFraction(random)];
  const data = randomNormals(random, count * width);
  const angles = product(data, randomNormals(random, width * classes), width);
  return task(
    vectors(data, width),
    angles.map(angle => sharpness * Math.sin((pitch * angle) / width ** 0.5)),
    classes,
    random,
  );
}

const READING = {kind: 'n-grams', buckets: 512, words: 1, characters: [0, 0], length: 2000} as const;

/** Texts of made-up words; each word speaks for some classes more than for others. */
function words(random: RandomGenerator, count: number): DrawnTask {
  const [vocabulary, classes] = [400, randomInteger(random, 2, 6)];
  const evidence = randomNormals(random, vocabulary * classes).map(value => value * (0.5 + randomFraction(random)));
  const logits = new Float64Array(count * classes);
  const texts = Array.from({length: count}, (_, row) =>
    Array.from({length: randomInteger(random, 3, 25)}, () => {
      const word = Math.floor(vocabulary * randomFraction(random) ** 2);
      for (let k = 0; k < classes; k++) logits[row * classes + k]! += evidence[word * classes + k]!;
      return `w${word}`;
    }).join(' '),
  );
  return task(readTexts(texts, READING), logits, classes, random);
}

/** A real set of texts, of which each task sees other ones; its teacher names labels. */
function cut(name: 'mails' | 'languages'): Family {
  let all: ReturnType<(typeof CASCADES)[string]> | undefined;
  return async (random, count) => {
    all ??= CASCADES[name]!();
    const {inputs, labels, classes} = await all;
    const rows = shuffledIndices(inputs.count, randomInteger(random, 1, 2 ** 30)).subarray(0, count);
    const logits = doubtful(rows, labels!, classes.length, random);
    return task(selectInputs(inputs as Inputs, rows) as TensorInputs, logits, classes.length, random);
  };
}

let images: ReturnType<typeof recipe.data> | undefined;

/** Images of MNIST and their labels. */
async function pixels(random: RandomGenerator, count: number): Promise<DrawnTask> {
  images ??= recipe.data();
  const {classes, train} = await images;
  const rows = shuffledIndices(train.inputs.count, randomInteger(random, 1, 2 ** 30)).subarray(0, count);
  const {data, ...rest} = selectInputs(train.inputs, rows) as TensorInputs;
  const logits = doubtful(rows, train.labels!, classes.length, random);
  const inputs = {...rest, dtype: 'float32', data: Float32Array.from(data, value => value / 255)} as TensorInputs;
  return task(inputs, logits, classes.length, random);
}

/** Logits of the labels of rows, of a teacher that is wrong now and then if it draws its answers. */
function doubtful(rows: Int32Array, labels: Int32Array, classes: number, random: RandomGenerator): Float64Array {
  const wrong = 0.3 * randomFraction(random) + 1e-3;
  const logit = Math.log(((classes - 1) * (1 - wrong)) / wrong);
  return Float64Array.from({length: rows.length * classes}, (_, at) =>
    labels[rows[Math.floor(at / classes)]!] === at % classes ? logit : 0,
  );
}

function task(inputs: TensorInputs, logits: ArrayLike<number>, classes: number, random: RandomGenerator): DrawnTask {
  const logProbabilities = Float32Array.from(logSoftmaxRows(Float32Array.from(logits), classes));
  return {inputs, logProbabilities, classes, student: anyStudent(random)};
}

/** [rows, inner] times [inner, columns]. */
export function product(rows: ArrayLike<number>, matrix: ArrayLike<number>, inner: number): Float64Array {
  const columns = matrix.length / inner;
  return Float64Array.from({length: (rows.length / inner) * columns}, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let index = 0; index < inner; index++) sum += rows[row * inner + index]! * matrix[index * columns + column]!;
    return sum;
  });
}
