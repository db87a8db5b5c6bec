import {
  hardLabels,
  hashedNgrams,
  type Inputs,
  type Knowledge,
  type LossTerm,
  lenet,
  loadStudent,
  mlp,
  predictLogits,
  type Student,
  type StudentBuilder,
  softLabels,
  type TensorInputs,
} from 'limbeck';
import {argmaxRows, logSoftmaxRows} from 'limbeck/metrics';
import {detect, classes as languageNames, languages} from '../../../examples/languages/detectors.ts';
import recipe, {teacher as folder} from '../../../examples/mnist/recipe.ts';
import {classes as mailClasses, readMails} from '../../../examples/spam/mails.ts';
import {tensorInputs} from '../../../src/data/batch.ts';
import {selectInputs, selectTensors} from '../../../src/data/inputs.ts';
import {randomFraction, randomNormals, seededRandom, shuffledIndices} from '../../../src/data/random.ts';
import {type CascadeTask, studentOf, TASKS} from '../promises/cascade-tasks.ts';
import {product} from './tasks.ts';

/** Answers to learn from, and others to be measured by. */
export interface BenchSet {
  readonly set: string;
  readonly student: StudentBuilder;
  /** A divisor of the inputs. */
  readonly scale: number;
  readonly losses: readonly LossTerm[];
  readonly knowledge: Knowledge;
  readonly test: {readonly inputs: Inputs; readonly labels: Int32Array};
}

/** By name, with a number of answers. The texts are those of the examples; vectors come from networks with random weights. */
export const SETS: Readonly<Record<string, (answers?: number) => Promise<BenchSet>>> = {
  vectors: async (answers = 300) => taught({...network(), set: 'vectors', answers, student: mlp()}),
  'noisy vectors': async (answers = 400) => noisy(await TASKS['synthetic']!(), answers),
  pixels: (answers = 300) => mnist('pixels', answers, mlp(), false),
  images: (answers = 1000) => mnist('images', answers, lenet(), true),
  mails: async (answers = 500) => texts('mails', mailClasses, readMails(), answers),
  languages: async (answers = 500) => texts('languages', languageNames, namedLines(), answers),
};

/** A student of a set before its training. */
export function freshStudent({knowledge: {classes, inputs}, student, scale}: BenchSet, seed: number): Student {
  if (inputs.kind === 'text') return student({classes, kind: 'text', inputShape: [], preprocessing: {}}, seed);
  const {shape: inputShape} = tensorInputs(inputs, 'The benchmark');
  return student({classes, inputShape, preprocessing: {scale: 1 / scale}}, seed);
}

interface Taught {
  readonly set: string;
  readonly classes: readonly string[];
  readonly inputs: Inputs;
  /** [inputs, classes]; without them students learn from the labels. */
  readonly logProbabilities?: Float32Array;
  /** [inputs] */
  readonly labels: Int32Array;
  /** Number of inputs to learn from. The others measure. */
  readonly answers: number;
  readonly student: StudentBuilder;
  readonly scale?: number;
}

/** The most inputs that measure. */
const TEST = 3000;

function taught({set, classes, inputs, logProbabilities, labels, answers, student, scale = 1}: Taught): BenchSet {
  const order = shuffledIndices(inputs.count, 1, `rows of ${set}`);
  const [rows, others] = [order.subarray(0, answers), order.subarray(answers, answers + TEST)];
  const width = classes.length;
  const said = logProbabilities
    ? ({
        detail: {kind: 'log-probabilities'},
        answers: {
          kind: 'log-probabilities',
          count: answers,
          logProbabilities: Float32Array.from(
            Array.from(rows).flatMap(row => [...logProbabilities.subarray(row * width, (row + 1) * width)]),
          ),
        },
      } as const)
    : ({
        detail: {kind: 'label'},
        answers: {kind: 'label', count: answers, labels: rows.map(row => labels[row]!)},
      } as const);
  const source = {access: logProbabilities ? 'gray-box' : 'black-box', identity: {bench: 'defaults'}} as const;
  return {
    ...{set, student, scale},
    losses: [logProbabilities ? softLabels() : hardLabels()],
    knowledge: {source, classes, inputs: selectInputs(inputs, rows), ...said},
    test: {inputs: selectInputs(inputs, others), labels: others.map(row => labels[row]!)},
  };
}

/** A teacher with a hidden layer, which names five classes of vectors of 20 numbers. */
function network(): Pick<Taught, 'classes' | 'inputs' | 'labels' | 'logProbabilities'> {
  const [count, width, hidden, classes] = [4000, 20, 30, 5];
  const random = seededRandom(1, 'vectors');
  const data = Float32Array.from(randomNormals(random, count * width));
  const first = product(data, randomNormals(random, width * hidden), width).map(sum => Math.max(0, sum) / width ** 0.5);
  const logits = product(first, randomNormals(random, hidden * classes), hidden);
  return {
    classes: [...'abcde'],
    inputs: {kind: 'tensor', dtype: 'float32', shape: [width], count, data},
    labels: argmaxRows(logits, classes),
    logProbabilities: Float32Array.from(logSoftmaxRows(logits, classes)),
  };
}

/** A teacher that draws each answer from its distribution: a student that learns them by heart learns noise. */
function noisy({classes, inputs, probabilities, units}: CascadeTask, answers: number): BenchSet {
  const random = seededRandom(1, 'answers');
  const width = classes.length;
  const labels = Int32Array.from({length: inputs.count}, (_, row) => {
    let left = randomFraction(random);
    for (let k = 0; k < width - 1; k++) {
      left -= probabilities![row * width + k]!;
      if (left < 0) return k;
    }
    return width - 1;
  });
  return taught({set: 'noisy vectors', classes, inputs, labels, answers, student: studentOf({units})});
}

interface Labelled {
  readonly text: string;
  readonly label: number;
}

function texts(set: string, classes: readonly string[], all: readonly Labelled[], answers: number): BenchSet {
  const inputs = {kind: 'text', count: all.length, texts: all.map(({text}) => text)} as const;
  const labels = Int32Array.from(all, ({label}) => label);
  return taught({set, classes, inputs, labels, answers, student: hashedNgrams()});
}

/** The lines of examples/languages, named by `eld`. */
function namedLines(): readonly Labelled[] {
  return languages.flatMap(({lines}) => lines).map(text => ({text, label: detect(text)}));
}

/** Images of MNIST, named by the teacher of examples/mnist. */
async function mnist(set: string, answers: number, student: StudentBuilder, byLabels: boolean): Promise<BenchSet> {
  const {classes, train} = await recipe.data();
  const rows = shuffledIndices(train.inputs.count, 1, 'images').subarray(0, answers + TEST);
  const inputs = selectTensors(train.inputs as TensorInputs, rows);
  const logProbabilities = Float32Array.from(
    logSoftmaxRows(await predictLogits(await loadStudent(folder), inputs), classes.length),
  );
  const labels = argmaxRows(logProbabilities, classes.length);
  const soft = byLabels ? {} : {logProbabilities};
  return taught({set, classes, inputs, labels, ...soft, answers, student, scale: 255});
}
