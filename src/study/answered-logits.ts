import {concatenated} from '../data/arrays.ts';
import {type Knowledge, readFirstVersions, type StoredKnowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';

/** What a student says of inputs that have answers. */
export interface AnsweredLogits {
  /** [inputs, classes] */
  readonly logits: Float32Array;
  /** [inputs], the most probable class of each answer. */
  readonly labels: Int32Array;
}

/** Inputs that are in memory at once: whole batches of a prediction, so that the blocks change no bit. */
const BLOCK = 4000;

/** Asks a student about the first version of each of these inputs, read in blocks. */
export async function answeredLogits(
  student: Student,
  knowledge: Knowledge | StoredKnowledge,
  inputs: ArrayLike<number>,
  signal?: AbortSignal,
): Promise<AnsweredLogits> {
  const classes = knowledge.classes.length;
  const [logits, labels]: [Float32Array[], Int32Array[]] = [[new Float32Array(0)], [new Int32Array(0)]];
  for (let start = 0; start < inputs.length; start += BLOCK) {
    const block = Array.from({length: Math.min(BLOCK, inputs.length - start)}, (_, row) => inputs[start + row]!);
    const read = await readFirstVersions(knowledge, block);
    logits.push(await predictLogits(student, read.inputs, {signal}));
    labels.push(targetsOf(read.answers, classes).labels);
  }
  return {logits: concatenated(...logits), labels: concatenated(...labels)};
}
