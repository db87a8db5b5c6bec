import {withBatches} from '../ask/batches.ts';
import {answersOf} from '../ask/collect.ts';
import {batchTensor, tensorInputs} from '../data/batch.ts';
import {inputAt, type TensorInputs} from '../data/inputs.ts';
import {mixSeed} from '../data/random.ts';
import {type View, viewRows} from '../data/view.ts';
import type {tf} from '../engine/tf.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {tabulate} from '../knowledge/table.ts';
import type {BatchTargets, FeatureShapes} from '../losses/loss.ts';
import {batchTargets, targetsOf} from '../losses/targets.ts';
import type {Detail, Question, Teacher} from '../teacher.ts';

/** What one step learns from. Its tensors are the caller's to dispose. */
export interface Batch {
  /** Raw inputs, float32 [rows, ...shape]. */
  readonly raw: tf.Tensor;
  readonly targets: BatchTargets;
}

/** Where batches come from. */
export interface BatchSource {
  /** Shapes of the teacher's features. */
  readonly featureShapes: FeatureShapes;
  batch(rows: Int32Array, epoch: number, signal?: AbortSignal): Promise<Batch>;
}

/** How a run looks at its inputs: as they are, or at an augmented version of each, another one every epoch. */
export interface Viewing {
  readonly view: View | undefined;
  readonly seed: number;
}

/** Batches of kept answers. */
export function keptAnswers(knowledge: Knowledge, viewing: Viewing): BatchSource {
  const inputs = tensorInputs(knowledge.inputs, 'This student');
  const targets = targetsOf(knowledge.answers, knowledge.classes.length);
  const featureShapes = Object.fromEntries(
    Object.entries(targets.features).map(([layer, feature]) => [layer, feature.shape]),
  );
  return {
    featureShapes,
    async batch(rows, epoch) {
      const looked = look(inputs, rows, epoch, viewing);
      return {raw: batchTensor(looked.seen, looked.rows), targets: batchTargets(targets, rows)};
    },
  };
}

export interface LiveOptions extends Viewing {
  readonly teacher: Teacher<'white-box'>;
  readonly detail: Detail;
}

/** Batches whose answers the teacher gives there and then, about the very view that the student sees. */
export async function liveAnswers(knowledge: Knowledge, options: LiveOptions): Promise<BatchSource> {
  const inputs = tensorInputs(knowledge.inputs, 'This student');
  const asked = {...options, teacher: withBatches(options.teacher)};
  const {answers} = await ask(inputs, Int32Array.of(0), 0, asked);
  const shapes = answers.kind === 'logits' ? Object.entries(answers.features) : [];
  return {
    featureShapes: Object.fromEntries(shapes.map(([layer, feature]) => [layer, feature.shape])),
    async batch(rows, epoch, signal) {
      const {answers, ...looked} = await ask(inputs, rows, epoch, asked, signal);
      const targets = targetsOf(answers, options.teacher.classes.length);
      return {raw: batchTensor(looked.seen, looked.rows), targets: batchTargets(targets, everyRow(rows.length))};
    },
  };
}

/** Where a batch's inputs are to be found, as they look. */
interface Seen {
  /** All inputs, or where there is a view the batch's own. */
  readonly seen: TensorInputs;
  /** The batch's places in `seen`. */
  readonly rows: Int32Array;
  /** Seeds of the views; undefined where inputs are seen as they are. */
  readonly seeds: Int32Array | undefined;
}

/** The named rows as they look in one epoch. Each row of each epoch has a view of its own. */
function look(inputs: TensorInputs, rows: Int32Array, epoch: number, {view, seed}: Viewing): Seen {
  if (view === undefined) return {seen: inputs, rows, seeds: undefined};
  const seeds = rows.map(row => mixSeed(seed, `view of ${row} in epoch ${epoch}`));
  return {seen: viewRows(inputs, rows, view, seeds), rows: everyRow(rows.length), seeds};
}

function everyRow(count: number): Int32Array {
  return Int32Array.from({length: count}, (_, row) => row);
}

async function ask(
  inputs: TensorInputs,
  rows: Int32Array,
  epoch: number,
  {teacher, detail, ...viewing}: LiveOptions,
  signal?: AbortSignal,
) {
  const looked = look(inputs, rows, epoch, viewing);
  const questions: Question[] = Array.from(looked.rows, (row, index) => {
    const input = inputAt(looked.seen, row);
    return looked.seeds ? {input, view: looked.seeds[index]!} : {input};
  });
  const outcomes = await teacher.ask(questions, {detail, ...(signal && {signal})});
  const answers = answersOf(outcomes, teacher.name);
  return {...looked, answers: tabulate(answers, detail, teacher.classes.length)};
}
