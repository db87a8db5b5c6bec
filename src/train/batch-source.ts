import {withBatches} from '../ask/batches.ts';
import {answersOf, queryAbout} from '../ask/collect.ts';
import {rawTensor, tensorInputs} from '../data/batch.ts';
import {finished} from '../data/hashed-reading.ts';
import type {Inputs} from '../data/inputs.ts';
import {mixSeed} from '../data/random.ts';
import {otherInputs} from '../data/reading.ts';
import {denseRows, type SparseRows, type Thinning, thinnedRows} from '../data/sparse-rows.ts';
import {partnerOf, type View, viewInputs} from '../data/view.ts';
import {tf} from '../engine/tf.ts';
import {tabulate} from '../knowledge/answers.ts';
import {countOf, inputsAt, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import type {BatchTargets, FeatureShapes} from '../losses/loss.ts';
import {selectTargets, type Targets, targetsOf, targetTensors} from '../losses/targets.ts';
import {embeddingBagOf} from '../student/embedding-bag.ts';
import {readInputs} from '../student/read-inputs.ts';
import type {Student} from '../student/student.ts';
import type {Detail, Teacher} from '../teacher.ts';
import {type AnyKnowledge, isPartial, type Lesson} from './lessons.ts';

/** The examples of one step. The caller must dispose of its tensors. */
export interface Batch {
  /** Raw inputs: float32 [rows, ...shape], or the columns of the rows if the first layer's updates are lazy. */
  readonly raw: tf.Tensor | SparseRows;
  /** The answers of each lesson. */
  readonly targets: readonly BatchTargets[];
}

/** A source of batches. */
export interface BatchSource {
  /** Shapes of the teacher's features, by lesson. */
  readonly featureShapes: readonly FeatureShapes[];
  /** The cause of the wait for a batch. Undefined if it is made at once. */
  readonly waitsFor: 'disk' | 'teacher' | undefined;
  batch(rows: Int32Array, epoch: number, signal?: AbortSignal): Promise<Batch>;
}

/** How a run sees its inputs: unchanged, or augmented differently in every epoch. */
export interface Viewing {
  /** The student that sees the inputs. */
  readonly student: Student;
  readonly view: View | undefined;
  readonly seed: number;
  /** See `TrainOptions.mostParts`. */
  readonly mostParts?: number | undefined;
  /**
   * True if sparse rows stay sparse.
   *
   * @default false
   */
  readonly isSparse?: boolean;
}

/** Makes batches of kept answers. Those of stored knowledge stay on disk until they are needed. */
export async function keptAnswers(
  knowledge: AnyKnowledge,
  lessons: readonly Lesson[],
  viewing: Viewing,
): Promise<BatchSource> {
  const readers = lessons.map(answerReader);
  const first = await Promise.all(readers.map(read => read(Int32Array.of(0))));
  const partial = lessons.map(isPartial);
  const isStored = lessons.some(lesson => !('inputs' in lesson.knowledge));
  return {
    featureShapes: first.map(shapesOf),
    waitsFor: isStored ? 'disk' : undefined,
    async batch(rows, epoch) {
      const [{seen}, ...answers] = await Promise.all([
        look(knowledge, rows, epoch, viewing),
        ...lessons.map((lesson, index) => readers[index]!(rowsIn(lesson, rows))),
      ]);
      const weights = lessons.map((lesson, index) => (partial[index] ? weightsOf(lesson, rows) : undefined));
      return batchOf(viewing, {seen, rows, epoch}, answers, weights);
    },
  };
}

/** Reads the answers in rows of a lesson's own knowledge. */
function answerReader({knowledge}: Lesson): (rows: Int32Array) => Promise<Targets> {
  const classes = knowledge.classes.length;
  if (!('answers' in knowledge)) return async rows => targetsOf(await knowledge.readAnswers(rows), classes);
  const targets = targetsOf(knowledge.answers, classes);
  return async rows => selectTargets(targets, rows);
}

/** The rows in the lesson's own knowledge. An input without an answer gets that of another; its weight is 0. */
export function rowsIn({rows: own}: Lesson, rows: Int32Array): Int32Array {
  return own === undefined ? rows : rows.map(row => Math.max(0, own[row]!));
}

function weightsOf({rows: own}: Lesson, rows: Int32Array): Float32Array {
  return Float32Array.from(rows, row => (own![row] === -1 ? 0 : 1));
}

export interface LiveOptions extends Viewing {
  readonly teacher: Teacher<'white-box'>;
  readonly detail: Detail;
}

/** Makes batches that a live teacher answers, on the same views that the student sees. */
export async function liveAnswers(
  knowledge: Knowledge | StoredKnowledge,
  {teacher, detail, ...viewing}: LiveOptions,
): Promise<BatchSource> {
  const batching = withBatches(teacher);
  const ask = async (rows: Int32Array, epoch: number, signal?: AbortSignal) => {
    const {seen, seeds} = await look(knowledge, rows, epoch, viewing);
    const queries = Array.from(rows, (_, row) => queryAbout(seen, row, seeds));
    const outcomes = await batching.ask(queries, {detail, ...(signal && {signal})});
    const answers = tabulate(answersOf(outcomes, teacher.name), detail, teacher.classes.length);
    return {seen, targets: targetsOf(answers, teacher.classes.length)};
  };
  const {targets} = await ask(Int32Array.of(0), 0);
  return {
    featureShapes: [shapesOf(targets)],
    waitsFor: 'teacher',
    async batch(rows, epoch, signal) {
      const {seen, targets} = await ask(rows, epoch, signal);
      return batchOf(viewing, {seen, rows, epoch}, [targets]);
    },
  };
}

/** A batch's inputs as the student sees them in one epoch. Each row has its own view in each epoch. */
async function look(
  knowledge: AnyKnowledge,
  rows: Int32Array,
  epoch: number,
  {view, seed}: Viewing,
): Promise<{readonly seen: Inputs; readonly seeds?: Int32Array}> {
  if (view === undefined) return {seen: await inputsAt(knowledge, rows)};
  const seeds = rows.map(row => mixSeed(seed, `view of ${row} in epoch ${epoch}`));
  const read = async (rows: Int32Array) => tensorInputs(await inputsAt(knowledge, rows), `View \`${view.name}\``);
  const partners = view.takesPartner && rows.map((row, index) => partnerOf(row, countOf(knowledge), seeds[index]!));
  const [inputs, others] = await Promise.all([read(rows), partners ? read(partners) : undefined]);
  return {seen: viewInputs(inputs, view, seeds, others), seeds};
}

/** The inputs of a batch. */
interface Seen {
  readonly seen: Inputs;
  readonly rows: Int32Array;
  readonly epoch: number;
}

/** @param weights - of each lesson's rows; undefined: each counts 1 */
async function batchOf(
  viewing: Viewing,
  seen: Seen,
  targets: readonly Targets[],
  weights: readonly (Float32Array | undefined)[] = [],
): Promise<Batch> {
  const raw = await rawOf(viewing, seen);
  const tensorsOf = (own: Targets, index: number): BatchTargets => {
    const rows = weights[index];
    return rows === undefined ? targetTensors(own) : {...targetTensors(own), weights: tf.tensor1d(rows)};
  };
  return {raw, targets: targets.map(tensorsOf)};
}

async function rawOf(viewing: Viewing, own: Seen): Promise<Batch['raw']> {
  const {student, isSparse} = viewing;
  const thinning = thinningOf(viewing, own);
  if (isSparse) return sparseInputs(student, own.seen, thinning);
  const read = await readInputs(student, own.seen);
  if (read.kind !== 'sparse') return rawTensor(read);
  return rawTensor(denseRows(thinning ? thinnedRows(read, thinning) : read));
}

/** What it adds to a place to begin at from one epoch to the next, so that a few epochs take parts all over a text. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

function thinningOf({mostParts, seed}: Viewing, {rows, epoch}: Seen): Thinning | undefined {
  if (mostParts === undefined) return undefined;
  const placeOf = (row: number) => (finished(mixSeed(seed, `parts of ${row}`)) / 2 ** 32 + epoch * GOLDEN_RATIO) % 1;
  return {most: mostParts, places: Array.from(rows, placeOf)};
}

function sparseInputs(student: Student, seen: Inputs, thinning: Thinning | undefined): SparseRows {
  if (seen.kind !== 'text') throw otherInputs(student.model.name, student.reading, seen);
  return embeddingBagOf(student)!.readKept(seen.texts, thinning);
}

function shapesOf({features}: Targets): FeatureShapes {
  return Object.fromEntries(Object.entries(features).map(([layer, feature]) => [layer, feature.shape]));
}
