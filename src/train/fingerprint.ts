import {createHash} from 'node:crypto';
import {stringify} from 'safe-stable-stringify';
import {bytesOf} from '../data/arrays.ts';
import {identityOfReading} from '../data/reading.ts';
import {startEngine} from '../engine/engine.ts';
import {tf} from '../engine/tf.ts';
import {answersAt, countOf, inputsAt, rowBlocks} from '../knowledge/knowledge.ts';
import type {BatchOutputs, LossTerm} from '../losses/loss.ts';
import type {Student} from '../student/student.ts';
import {architectureHash} from '../student/weights-hash.ts';
import type {Json} from '../teacher.ts';
import {packageVersion} from '../version.ts';
import type {Batch} from './batch-source.ts';
import {madeUpOutputs} from './first-batch.ts';
import {type AnyKnowledge, type Lesson, outputsByLesson} from './lessons.ts';
import type {Optimizer} from './optimizer.ts';
import {disposeBatch} from './prefetch.ts';
import type {Run} from './run.ts';
import type {WeightedTerm} from './step.ts';

/** Everything that determines the bits of a run's result, except the initial weights. Names are for people. */
export type Fingerprint = Readonly<Record<string, Json>>;

/**
 * Makes the fingerprint of a run. Settings hidden in functions (an optimizer's momentum, a loss's smoothing, a
 * schedule, a view) are found by calling the functions on a few numbers.
 */
export async function fingerprintOf(student: Student, knowledge: AnyKnowledge, run: Run): Promise<Fingerprint> {
  const {options, optimizer, batchSize, epochs, weights, terms, lessons} = run;
  const {seed, clipNorm, validation, validateEvery, earlyStopping, view, teacher, compile, balance} = options;
  const engine = await startEngine();
  const {model, classes, preprocessing, output, reading} = student;
  return {
    'version of limbeck': packageVersion(),
    engine: `${engine.name} ${engine.version}, ${engine.threads} threads`,
    // A compiled step can reorder arithmetic.
    compile: compile ?? true,
    "student's architecture": architectureHash(model),
    "student's weights": model.weights.map(({originalName}, index) => [originalName, weights[index]!.shape]),
    "student's preprocessing": digestOf({preprocessing, output, ...(reading && {reading: identityOfReading(reading)})}),
    classes,
    seed,
    epochs,
    ...(options.exactSteps && {steps: run.steps}),
    batchSize,
    clipNorm: clipNorm ?? null,
    balance: balance ?? 0,
    losses: terms.map(({loss}) => describeTerm(loss)),
    ...(student.heads && {questions: lessons.map(({name, weight, losses}) => [name!, weight, losses.length])}),
    ...(await tryLosses(student, run)),
    optimizer: `${optimizer.name}, learning rate ${optimizer.learningRate}`,
    "optimizer's settings": digestOf(movesOf(optimizer)),
    schedule: digestOf(factorsOf(run)),
    ...(options.mostParts !== undefined && {'most parts of a text': options.mostParts}),
    ...(run.updates === 'lazy' && {'updates of the first layer': run.updates}),
    validation: validation === undefined ? null : digestOf(validation),
    validateEvery: validateEvery ?? 1,
    earlyStopping: earlyStopping === undefined ? null : `patience ${earlyStopping.patience}`,
    view: view?.name ?? null,
    'live teacher': teacher === undefined ? null : {name: teacher.name, identity: teacher.identity},
    'number of examples': countOf(knowledge),
    ...(knowledge.versions && {'versions of each input': knowledge.versions}),
    ...(await digestsOf(knowledge, lessons)),
  };
}

/** Describes the differences of two fingerprints, with both values if they are short. Undefined if they are equal. */
export function differenceOf(then: Fingerprint, now: Fingerprint): string | undefined {
  const names = [...new Set([...Object.keys(now), ...Object.keys(then)])];
  const differing = names
    .map(name => ({name, was: JSON.stringify(then[name]), is: JSON.stringify(now[name])}))
    .filter(({was, is}) => was !== is);
  if (differing.length === 0) return undefined;
  return differing
    .map(({name, was, is}) => (isShort(was) && isShort(is) ? `${name} (${was}, now ${is})` : name))
    .join(', ');
}

/** Gives equal digests for rows in memory and on disk. Reads block by block, so that it needs memory for only one. */
async function digestsOf(knowledge: AnyKnowledge, lessons: readonly Lesson[]): Promise<Fingerprint> {
  const inputs = await inputsDigestOf(knowledge);
  const answers = await Promise.all(
    lessons.map(({knowledge: own}) => digestBlocks(countOf(own), rows => answersAt(own, rows))),
  );
  return {
    "knowledge's inputs": inputs,
    "knowledge's answers": answers.length === 1 ? answers[0]! : digestOf([answers, lessons.map(({rows}) => rows)]),
  };
}

const inputsDigests = new WeakMap<AnyKnowledge, Promise<string>>();

/** Runs from several seeds share their knowledge. */
function inputsDigestOf(knowledge: AnyKnowledge): Promise<string> {
  const known = inputsDigests.get(knowledge);
  if (known !== undefined) return known;
  const digest = digestBlocks(countOf(knowledge), rows => inputsAt(knowledge, rows));
  inputsDigests.set(knowledge, digest);
  digest.catch(() => inputsDigests.delete(knowledge));
  return digest;
}

async function digestBlocks(count: number, read: (rows: Int32Array) => Promise<unknown>): Promise<string> {
  const digests: string[] = [];
  for (const rows of rowBlocks(count)) digests.push(digestOf(await read(rows)));
  return digestOf(digests);
}

const isShort = (json: string | undefined): boolean => json !== undefined && json.length <= 60;

function describeTerm({name, weight, needs, temperature = 1, studentFeatures}: LossTerm): Json {
  return {name, weight, needs: {...needs}, temperature, studentFeatures};
}

/** The factors at every step, or at ten thousand steps spread over the run. */
function factorsOf({schedule, steps}: Run): Float64Array {
  const probes = Math.min(steps, 10_000);
  return Float64Array.from({length: probes}, (_, probe) => schedule(Math.floor((probe * steps) / probes), steps));
}

/**
 * The values of two numbers after three steps: one so small that an epsilon shows, one large enough for weight decay.
 */
function movesOf(optimizer: Optimizer): Float32Array {
  return tf.tidy(() => {
    const variable = tf.variable(tf.tensor1d([0, 1]));
    const running = optimizer.start([variable]);
    for (const gradient of [
      [3e-6, -2],
      [-1e-6, 0.5],
      [2e-6, 1],
    ])
      running.apply([tf.tensor1d(gradient)], tf.scalar(1));
    const moved = variable.dataSync<'float32'>();
    running.dispose();
    variable.dispose();
    return moved;
  });
}

/** The progress at which losses are tried: early, because warm-ups of different lengths differ there. */
const MOMENTS = [0.002, 0.05];

/** The first examples as the student sees them, and the values of the losses on them for made-up outputs. */
async function tryLosses(student: Student, run: Run): Promise<Fingerprint> {
  const {terms, lessons, options, source, count} = run;
  const rows = Int32Array.from({length: Math.min(count, 4)}, (_, row) => row);
  const {raw, targets} = await source.batch(rows, 1, options.signal);
  try {
    return tf.tidy(() => {
      const outputs = madeUpOutputs(student, run, rows.length);
      const said = {targets, outputs, lessons};
      const trials = terms.map(term => MOMENTS.map(moment => tryTerm(term, said, moment)).join());
      return {
        'first examples as seen': digestOf(raw instanceof tf.Tensor ? raw.dataSync() : raw),
        "losses' values on them": trials,
      };
    });
  } finally {
    disposeBatch({raw, targets});
  }
}

/**
 * The value of a term and the sums of its gradients' absolute values, because some settings show only in a gradient.
 * Five digits, because processors can round differently.
 */
function tryTerm(term: WeightedTerm, {targets, outputs, lessons}: Said, moment: number): string {
  const of = [outputs.logits, ...term.variables];
  const own = () => outputsByLesson(outputs, lessons)[term.lesson]!;
  const loss = () => term.value(targets[term.lesson]!, own(), tf.scalar(moment));
  const {value, grads} = tf.engine().gradients(loss, of, undefined, true);
  const sums = grads.map(gradient => (gradient as tf.Tensor | null) ?? tf.scalar(0)).map(each => tf.sum(tf.abs(each)));
  return [value, ...sums].map(each => each.dataSync<'float32'>()[0]!.toPrecision(5)).join();
}

/** The targets and outputs for a batch. */
interface Said extends Pick<Batch, 'targets'>, Pick<Run, 'lessons'> {
  readonly outputs: BatchOutputs;
}

/**
 * SHA-256 over a tree of plain objects, lists, strings, numbers and typed arrays, in hexadecimal. The order of keys
 * doesn't matter.
 */
export function digestOf(tree: unknown): string {
  const json = stringify(tree, function (this: Readonly<Record<string, unknown>>, key, value) {
    // Read from the owner, because `value` is already a list of numbers if it was a Buffer.
    const own = this[key];
    return ArrayBuffer.isView(own) ? `${kindOf(own)} ${sha256(bytesOf(own))}` : value;
  });
  return sha256(json!);
}

const digests = new WeakMap<object, string>();

/** `digestOf` of an object that does not change any more, computed once. */
export function digestOnce(tree: object): string {
  const digest = digests.get(tree) ?? digestOf(tree);
  digests.set(tree, digest);
  return digest;
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A Buffer hashes like a Uint8Array. */
function kindOf(view: ArrayBufferView): string {
  return Buffer.isBuffer(view) ? 'Uint8Array' : view.constructor.name;
}
