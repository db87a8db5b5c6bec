import {rawTensor, tensorInputs} from '../data/batch.ts';
import type {Inputs, RecordInputs, TensorInputs, TextInputs} from '../data/inputs.ts';
import {kindRead, otherInputs} from '../data/reading.ts';
import {recordValues} from '../data/record-reading.ts';
import type {SparseRows} from '../data/sparse-rows.ts';
import {readTexts} from '../data/text-reading.ts';
import type {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {embeddingBagOf, sumsOf} from './embedding-bag.ts';
import {type Forward, outputsOf} from './forward.ts';
import {preprocess} from './preprocessing.ts';
import type {Student} from './student.ts';

/** The numbers of a student's inputs. Those of an embedding bag are sparse. */
export type RawInputs = SparseRows | TensorInputs;

/**
 * Turns inputs into the numbers that a student's preprocessing takes. The numbers of texts take far more memory than
 * the texts, so call it batch by batch. It works in browsers too. Elsewhere call `readInputs`, which also makes
 * embeddings and decodes images.
 *
 * @throws InputError if the inputs are of another kind than the student reads
 */
export function rawInputs(student: Student, inputs: Inputs): RawInputs {
  const {model, reading} = student;
  if (reading === undefined) return tensorInputs(inputs, `Student ${model.name}`);
  // Pixels of the right size can stand for images.
  if (reading.kind === 'image' && inputs.kind === 'tensor') return inputs;
  if (kindRead(reading) !== inputs.kind) throw otherInputs(model.name, reading, inputs);
  if (reading.kind === 'record') return recordValues((inputs as RecordInputs).records, reading);
  if (reading.kind === 'image') throw new InputError(`Student ${model.name} reads images, which are not decoded here.`);
  if (reading.kind !== 'embeddings') {
    const {texts} = inputs as TextInputs;
    return embeddingBagOf(student)?.read(texts) ?? readTexts(texts, reading);
  }
  throw new InputError(`Student ${model.name} reads texts with an embedding model, which doesn't run here.`);
}

/** The tensor with which a student's pass over raw inputs begins: the inputs, or the sums of an embedding bag. */
export function enter(student: Student, raw: RawInputs): tf.Tensor {
  return raw.kind === 'sparse' ? sumsOf(embeddingBagOf(student)!, raw) : rawTensor(raw);
}

/**
 * A forward pass that begins with such a tensor.
 *
 * @throws InputError if the student has no layer of that name
 */
export function forwardFrom(student: Student, kind: RawInputs['kind'], layerNames: readonly string[]): Forward {
  if (kind === 'sparse') return embeddingBagOf(student)!.outputsOf(layerNames);
  const forward = outputsOf(student, layerNames);
  return (entered, options) => forward(preprocess(entered, student.preprocessing), options);
}
