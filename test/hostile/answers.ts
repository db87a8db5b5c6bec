import {createHash} from 'node:crypto';

/** What is read of a request of the Open Inference Protocol. */
export interface InferRequest {
  readonly inputs: readonly {readonly shape: readonly number[]; readonly data: readonly (number | string)[]}[];
  readonly outputs: readonly {readonly name: string}[];
}

export interface InferReply {
  readonly model_name: string;
  readonly model_version: string;
  readonly outputs: readonly OutputTensor[];
}

export interface OutputTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

/** What the hostile service calls an input: a text is its own name, a tensor's are its values, with commas. */
export function inputName(values: string | Iterable<number>): string {
  return typeof values === 'string' ? values : [...values].join();
}

/** The names of the inputs of a request, in order. */
export function namesIn({inputs}: InferRequest): readonly string[] {
  const {shape, data} = inputs[0]!;
  const count = shape[0]!;
  const size = data.length / count;
  return Array.from({length: count}, (_, row) => data.slice(row * size, (row + 1) * size).join());
}

/** What the classes of the hostile service are called. */
export const classNames = (classes: number): string[] => Array.from({length: classes}, (_, index) => `class ${index}`);

/** The right reply to inputs. It hangs on what they hold and on nothing else. */
export function replyTo(names: readonly string[], {outputs}: InferRequest, classes: number): InferReply {
  const logits = names.map(name => logitsOf(name, classes));
  return {
    model_name: 'hostile',
    model_version: '1',
    outputs: outputs.map(({name}) => {
      const rows = logits.map(OUTPUTS[name] ?? unknown(name));
      const width = rows[0]!.length;
      const shape = width === 1 ? [names.length] : [names.length, width];
      return {name, datatype: datatypeOf(rows[0]![0]!, name), shape, data: rows.flat()};
    }),
  };
}

function logitsOf(name: string, classes: number): number[] {
  const digest = createHash('sha512').update(name).digest();
  return Array.from({length: classes}, (_, index) => (digest[index % digest.length]! - 128) / 32);
}

const OUTPUTS: Readonly<Record<string, (logits: readonly number[]) => (number | string)[]>> = {
  logits: logits => [...logits],
  log_probabilities: logits => logSoftmax(logits),
  probabilities: logits => logSoftmax(logits).map(Math.exp),
  label: logits => [logits.indexOf(Math.max(...logits))],
  class: logits => [`class ${logits.indexOf(Math.max(...logits))}`],
};

function unknown(name: string): never {
  throw new Error(`The hostile service has no output ${name}.`);
}

function datatypeOf(value: number | string, name: string): string {
  if (typeof value === 'string') return 'BYTES';
  return name === 'label' ? 'INT64' : 'FP64';
}

function logSoftmax(logits: readonly number[]): number[] {
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  return logits.map(logit => logit - total);
}
