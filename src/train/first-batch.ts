import {sizeOf} from '../data/inputs.ts';
import {randomFraction, seededRandom} from '../data/random.ts';
import {withDropoutSeed} from '../engine/layers.ts';
import {tf} from '../engine/tf.ts';
import {InputError, TrainingError} from '../errors.ts';
import type {BatchOutputs, BatchTargets, LossTerm} from '../losses/loss.ts';
import {featureShapes, outputWidth} from '../student/forward.ts';
import type {Student} from '../student/student.ts';
import type {Batch} from './batch-source.ts';
import {isPartial, type Lesson, outputsByLesson} from './lessons.ts';
import type {RunTerm} from './make-step.ts';
import {disposeBatch} from './prefetch.ts';
import type {Run} from './run.ts';
import type {WeightedTerm} from './step.ts';

/** The number of batches within which a term must move the student. */
const BATCHES = 3;

/**
 * Checks on the first batch of a run what only a step can show: that each term moves weights of the student, and that a
 * term reads each part of the answers, and leaves out inputs without one. A term that grows from 0 in a warm-up is checked at its full value. All
 * variables keep their values.
 *
 * @throws TrainingError if a term has no gradient in three batches; InputError if answers are left unread
 */
export async function checkFirstBatch(student: Student, run: Run, batch: Batch): Promise<void> {
  const read = run.lessons.map(() => new Set<string>());
  const still = run.terms.flatMap(term => {
    const own = new Set<string>();
    const {moves, value} = effectOf(run, term, {...batch, targets: batch.targets.map(each => noting(each, own))});
    checkLeavesOut(term, run.lessons[term.lesson]!, own);
    for (const part of own) read[term.lesson]!.add(part);
    return moves ? [] : [{term, value}];
  });
  for (const [index, {knowledge, losses}] of run.lessons.entries()) {
    // The label of votes is their majority, so it reads all of them.
    if (knowledge.detail.kind !== 'votes') checkAllRead(batch.targets[index]!, read[index]!, losses);
  }
  if (still.length === 0) return;
  for (const each of still) {
    const others = await laterBatches(run, run.lessons[each.term.lesson]!);
    try {
      checkMoves(student, run, each, [batch, ...others]);
    } finally {
      for (const other of others) disposeBatch(other);
    }
  }
}

interface Effect {
  /** True if a weight of the student has a gradient other than 0. */
  readonly moves: boolean;
  readonly value: number;
}

function effectOf(
  {enter, forward, updates, trainable, weights, options}: Run,
  term: WeightedTerm,
  {raw, targets}: Batch,
): Effect {
  // A pass in training mode moves the averages of batch normalization.
  const untrained = weights.filter(weight => !trainable.includes(weight));
  const before = untrained.map(weight => tf.clone(weight));
  try {
    return tidied(() => {
      const [seed, end] = [tf.scalar(options.seed, 'int32'), tf.scalar(1)];
      const entered = enter(raw);
      const outputs = () => withDropoutSeed(seed, () => forward(entered))[term.lesson]!;
      // The kernel of an embedding bag moves if its sums would.
      const moved = updates === 'lazy' ? [...trainable, entered] : trainable;
      return effect(() => term.value(targets[term.lesson]!, outputs(), end), moved);
    });
  } finally {
    for (const [index, weight] of untrained.entries()) weight.assign(before[index]!);
    tf.dispose(before);
  }
}

/** `tf.tidy` accepts only values that hold tensors. */
function tidied<T>(run: () => T): T {
  let result: T;
  tf.tidy(() => {
    result = run();
  });
  return result!;
}

/** If a loss does not depend on a tensor, it has no gradient for it. That is not an error here. */
function effect(loss: () => tf.Scalar, of: readonly tf.Tensor[]): Effect {
  const {value, grads} = tf.engine().gradients(loss, [...of], undefined, true);
  const moves = grads.some(gradient => (gradient as tf.Tensor | null)?.dataSync().some(number => number !== 0));
  return {moves, value: value.dataSync()[0]!};
}

/**
 * The batches after the first, as the run will see them. Those of a lesson that lacks answers hold only inputs that have
 * one: a whole batch can be without.
 */
async function laterBatches({source, order, batchSize, options}: Run, lesson: Lesson): Promise<readonly Batch[]> {
  const all = order(1);
  const rows = isPartial(lesson) ? all.filter(row => lesson.rows![row] !== -1) : all.subarray(batchSize);
  const starts = Array.from({length: BATCHES - 1}, (_, index) => index * batchSize);
  const batches: Batch[] = [];
  for (const start of starts.filter(start => start < rows.length)) {
    batches.push(await source.batch(rows.subarray(start, start + batchSize), 1, options.signal));
  }
  return batches;
}

interface StillTerm {
  readonly term: RunTerm;
  /** The value on the first batch. */
  readonly value: number;
}

function checkMoves(student: Student, run: Run, {term, value}: StillTerm, batches: readonly Batch[]): void {
  const [first, ...others] = batches;
  let isLearned = value === 0;
  for (const batch of others) {
    const later = effectOf(run, term, batch);
    if (later.moves) return;
    isLearned &&= later.value === 0;
  }
  // A term at its minimum of 0 has nothing left to teach. It must still be able to move another student.
  if (isLearned && movesAnother(student, run, term, first!)) return;
  throw new TrainingError(
    `${term.name} has no gradient: in the first ${batches.length} batches it moves none of the student's weights. ` +
      'Its layer can come before all trained weights, or be constant on these inputs. The answers can be the ' +
      'same for all of them, or a batch too small for a loss that compares examples. Change that, or leave the term out.',
  );
}

function movesAnother(student: Student, run: Run, term: WeightedTerm, {targets, raw}: Batch): boolean {
  const rows = raw instanceof tf.Tensor ? raw.shape[0]! : raw.count;
  return tidied(() => {
    const outputs = madeUpOutputs(student, run, rows);
    return effect(
      () => term.value(targets[term.lesson]!, outputsByLesson(outputs, run.lessons)[term.lesson]!, tf.scalar(1)),
      [outputs.logits, ...Object.values(outputs.features)],
    ).moves;
  });
}

/** Wraps the targets so that each part that is read is recorded: `logProbabilities`, or `features/<layer>`. */
function noting(targets: BatchTargets, read: Set<string>): BatchTargets {
  const features = new Proxy(targets.features, {
    get(all, layer: string) {
      read.add(`features/${layer}`);
      return all[layer];
    },
  });
  return new Proxy(targets, {
    get(all, name: string & keyof BatchTargets) {
      read.add(name);
      return name === 'features' ? features : all[name];
    },
  });
}

/**
 * Checks that a term leaves out inputs without an answer, if there are any.
 *
 * @param read - the parts of the answers that it reads
 */
function checkLeavesOut({name}: RunTerm, lesson: Lesson, read: ReadonlySet<string>): void {
  if (read.has('weights') || !isPartial(lesson)) return;
  throw new InputError(
    `${name} can't leave out inputs, and some have no answer to \`${lesson.name}\`. Take another loss for this ` +
      'question, or train on the inputs that have every answer.',
  );
}

function checkAllRead(targets: BatchTargets, read: ReadonlySet<string>, losses: readonly LossTerm[]): void {
  const names = losses.map(({name}) => name).join(' + ');
  const layers = Object.keys(targets.features);
  const unread = layers.filter(layer => !read.has(`features/${layer}`));
  if (unread.length > 0) {
    throw new InputError(
      `The answers hold features of ${unread.join(', ')}, and no loss reads them (${names}). Learn from them with a loss ` +
        'such as `featureHint()`, or remove them with `coarsenKnowledge()`.',
    );
  }
  // Features always come with logits, wanted or not.
  if (targets.logProbabilities === undefined || read.has('logProbabilities') || layers.length > 0) return;
  throw new InputError(
    `The answers hold scores of classes, and no loss reads them (${names}). Learn from them with \`softLabels()\`, or ` +
      "remove them with `coarsenKnowledge(knowledge, {kind: 'label'})`.",
  );
}

/** Made-up outputs of a student for a number of inputs, always the same, for trying losses. */
export function madeUpOutputs(student: Student, {terms}: Pick<Run, 'terms'>, rows: number): BatchOutputs {
  const random = seededRandom(0, 'made-up outputs');
  const made = (shape: readonly number[]) =>
    tf.tensor(
      Array.from({length: sizeOf([rows, ...shape])}, () => 4 * randomFraction(random) - 2),
      [rows, ...shape],
    );
  const shapes = featureShapes(
    student,
    terms.flatMap(({loss}) => loss.studentFeatures),
  );
  return {
    logits: made([outputWidth(student)]) as tf.Tensor2D,
    features: Object.fromEntries(Object.entries(shapes).map(([layer, shape]) => [layer, made(shape)])),
  };
}
