import {InputError} from '../errors.ts';
import type {Answer, Detail, LabelAnswer, LogitsAnswer, LogProbabilitiesAnswer, TopKAnswer} from '../teacher.ts';

/** One output that a service shows. */
export interface ServedOutput {
  readonly name: string;
  readonly datatype: 'INT32' | 'FP32' | 'BYTES';
  /** Shape of the output for one answer. */
  readonly shape: readonly number[];
  readonly read: (answer: Answer) => Iterable<number | string>;
}

/** Stands for minus infinity, which JSON can't express. A probability of zero is shown as this. */
export const leastLogProbability: number = Math.log(1e-38);

/** The outputs that a service of this detail shows. */
export function outputsFor(detail: Detail, classes: readonly string[]): readonly ServedOutput[] {
  switch (detail.kind) {
    case 'label':
      return [
        {name: 'label', datatype: 'INT32', shape: [], read: answer => [labelOf(answer)]},
        {name: 'class', datatype: 'BYTES', shape: [], read: answer => [classes[labelOf(answer)]!]},
      ];
    case 'top-k': {
      const shape = [Math.min(detail.k, classes.length)];
      return [
        {
          name: 'classes',
          datatype: 'INT32',
          shape,
          read: answer => filled((answer as TopKAnswer).classes, shape[0]!, -1),
        },
        {
          name: 'log_probabilities',
          datatype: 'FP32',
          shape,
          read: answer => filled(logProbabilitiesOf(answer), shape[0]!, leastLogProbability),
        },
      ];
    }
    case 'log-probabilities':
      return [{name: 'log_probabilities', datatype: 'FP32', shape: [classes.length], read: logProbabilitiesOf}];
    case 'logits':
      return [
        {
          name: 'logits',
          datatype: 'FP32',
          shape: [classes.length],
          read: answer => (answer as LogitsAnswer).logits,
        },
      ];
    case 'votes':
      throw new InputError("A service can't show votes. Serve labels, log-probabilities or logits.");
  }
}

/** An output tensor of a reply, with flat data. */
export function outputTensor({name, datatype, shape, read}: ServedOutput, answers: readonly Answer[]): object {
  return {name, datatype, shape: [answers.length, ...shape], data: answers.flatMap(answer => [...read(answer)])};
}

function labelOf(answer: Answer): number {
  return (answer as LabelAnswer).label;
}

function logProbabilitiesOf(answer: Answer): Float32Array {
  const {logProbabilities} = answer as TopKAnswer | LogProbabilitiesAnswer;
  return logProbabilities.map(value => Math.max(value, leastLogProbability));
}

/** A teacher can name fewer than the k best classes. The remaining elements hold the rest value. */
function filled(values: Iterable<number>, length: number, rest: number): number[] {
  const named = [...values];
  return [...named, ...new Array<number>(Math.max(0, length - named.length)).fill(rest)];
}
