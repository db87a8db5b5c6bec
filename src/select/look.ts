import {type Inputs, selectInputs} from '../data/inputs.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import {featureNames} from '../student/forward.ts';
import {predictActivations, predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import type {Encodings} from './encodings.ts';
import type {Candidates, Embeddings, Needs} from './strategy.ts';

/** The answers that a choice knows. */
export type Learned = Pick<Knowledge, 'classes' | 'inputs' | 'answers'>;

interface LookOptions {
  readonly needs: Needs;
  readonly seed: number;
  readonly encodings: Encodings;
  readonly signal?: AbortSignal | undefined;
}

/** Computes the data about candidates that a strategy needs. */
export async function lookAt(
  pool: Inputs,
  rows: Int32Array,
  students: readonly Student[],
  learned: Learned,
  {needs, seed, encodings, signal}: LookOptions,
): Promise<Candidates> {
  const classes = learned.classes.length;
  const {labels} = targetsOf(learned.answers, classes);
  const known = {count: rows.length, classes, seed, labels};
  if (needs.students === 0 && !needs.embeddings) return {...known, logits: []};
  const inputs = selectInputs(pool, rows);
  const logits: Float32Array[] = [];
  for (const student of students.slice(0, needs.students)) logits.push(await predictLogits(student, inputs, {signal}));
  if (!needs.embeddings) return {...known, logits};
  const {encoder} = needs;
  const embeddings = encoder
    ? await encodings.of(encoder, inputs, learned.inputs, signal)
    : await embeddingsOf(students[0]!, inputs, learned.inputs, signal);
  return {...known, logits, embeddings};
}

/** The input of the student's last layer, or the logits of a student with a single layer. */
async function embeddingsOf(
  student: Student,
  candidates: Inputs,
  answered: Inputs,
  signal: AbortSignal | undefined,
): Promise<Embeddings> {
  const {model, classes} = student;
  const before = [model.outputs[0]!.sourceLayer.input].flat()[0]!.sourceLayer.name;
  const layer = featureNames(student).find(name => name === before);
  const read = async (inputs: Inputs): Promise<Float32Array> => {
    if (layer === undefined) return predictLogits(student, inputs, {signal});
    const outputs = await predictActivations(student, inputs, [layer], {signal});
    return withoutFirst(outputs, inputs.count, classes.length);
  };
  const [ofCandidates, ofAnswered] = [await read(candidates), await read(answered)];
  return {width: ofCandidates.length / candidates.count, candidates: ofCandidates, answered: ofAnswered};
}

/** The rows without the first of their numbers. */
function withoutFirst(values: Float32Array, count: number, first: number): Float32Array {
  const width = values.length / count;
  const rest = new Float32Array(count * (width - first));
  for (let row = 0; row < count; row++) {
    rest.set(values.subarray(row * width + first, (row + 1) * width), row * (width - first));
  }
  return rest;
}
