import {once} from 'node:events';
import {argmaxRows, softmaxRows} from '../evaluate/distributions.ts';
import type {Student} from '../student/student.ts';

/** A student's answer to one input. */
export interface Prediction {
  /** The input's name, if it has one. */
  readonly id?: string;
  readonly class: string;
  readonly label: number;
  /** The probability of the class, calibrated if the student is. */
  readonly confidence: number;
  /**
   * True if the confidence is too low for the answer to stand, or a gate refuses the input. Only for a student with a
   * threshold or gate.
   */
  readonly abstains?: boolean;
  readonly probabilities: readonly number[];
}

/**
 * Makes predictions from logits [count, classes], with the student's calibration.
 *
 * @param isStrange - for each input, true if it is unlike those that the student was trained on; only for a student
 * with a gate
 */
export function predictionsOf(
  {classes, calibration}: Pick<Student, 'classes' | 'calibration'>,
  logits: Float32Array,
  ids: readonly (string | undefined)[] = [],
  isStrange?: readonly boolean[],
): Prediction[] {
  const width = classes.length;
  const {temperature, threshold} = calibration ?? {};
  const probabilities = softmaxRows(logits, width, temperature);
  return Array.from(argmaxRows(logits, width), (label, row) => {
    const id = ids[row];
    const confidence = probabilities[row * width + label]!;
    return {
      ...(id !== undefined && {id}),
      class: classes[label]!,
      label,
      confidence,
      ...((threshold !== undefined || isStrange) && {
        abstains: confidence < (threshold ?? 0) || isStrange?.[row] === true,
      }),
      probabilities: Array.from(probabilities.subarray(row * width, (row + 1) * width)),
    };
  });
}

/** The form of printed predictions: lines for people, one JSON document, or JSON lines. */
export type PredictionForm = 'text' | 'json' | 'jsonl';

/** Prints predictions as they arrive. */
export interface PredictionWriter {
  /** Resolves when it is ready for more. */
  write(predictions: readonly Prediction[]): Promise<void>;
  /** Ends the document. */
  end(): Promise<void>;
}

/** @param head - fields of the JSON document before the predictions */
export function openPredictions(
  form: PredictionForm,
  head: Readonly<Record<string, unknown>>,
  stdout: NodeJS.WritableStream = process.stdout,
): PredictionWriter {
  let written = 0;
  const print = async (text: string): Promise<void> => {
    if (text !== '' && !stdout.write(text)) await once(stdout, 'drain');
  };
  const start = `${JSON.stringify(head).slice(0, -1)},"predictions":[`;
  return {
    async write(predictions) {
      if (predictions.length === 0) return;
      const before = form !== 'json' ? '' : written === 0 ? start : ',';
      written += predictions.length;
      await print(before + predictions.map(FORMS[form]).join(form === 'json' ? ',' : ''));
    },
    async end() {
      if (form === 'json') await print(`${written === 0 ? start : ''}]}\n`);
    },
  };
}

const FORMS: Readonly<Record<PredictionForm, (prediction: Prediction) => string>> = {
  json: prediction => JSON.stringify(prediction),
  jsonl: prediction => `${JSON.stringify(prediction)}\n`,
  text: ({id, class: name, abstains, confidence}) => {
    const cells = [abstains ? 'abstains' : name, confidence.toFixed(4), ...(id === undefined ? [] : [id])];
    return `${cells.map(cell => cell.replace(/[\t\r\n]+/g, ' ')).join('\t')}\n`;
  },
};
