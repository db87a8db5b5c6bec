import {once} from 'node:events';
import {argmaxRows, softmaxRows} from '../data/arrays.ts';
import type {HeadColumns} from '../student/heads.ts';
import type {Student} from '../student/student.ts';

/** A student's answer to one input. */
interface Prediction {
  /** The input's name, if it has one. */
  readonly id?: string | undefined;
  readonly class: string;
  readonly label: number;
  /** The probability of the class, calibrated if the student is. */
  readonly confidence: number;
  /**
   * True if the confidence is too low for the answer to stand, or a gate refuses the input. Only for a student with a
   * threshold or gate.
   */
  readonly abstains?: boolean | undefined;
  readonly probabilities: readonly number[];
}

/** A student's answers to several questions about one input. */
interface JointPrediction extends Pick<Prediction, 'id'> {
  /** By the name of the question. */
  readonly answers: Readonly<Record<string, Omit<Prediction, 'id'>>>;
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

/** The answers to all questions about each input.
 *
 * @param byHead - for each head, its predictions
 */
export function joined(heads: readonly HeadColumns[], byHead: readonly (readonly Prediction[])[]): JointPrediction[] {
  return byHead[0]!.map(({id}, row) => {
    const answers = heads.map(({question}, index) => {
      const {id: _, ...answer} = byHead[index]![row]!;
      return [question!.name, answer] as const;
    });
    return {...(id !== undefined && {id}), answers: Object.fromEntries(answers)};
  });
}

/** The form of printed predictions: lines for people, one JSON document, or JSON lines. */
export type PredictionForm = 'text' | 'json' | 'jsonl';

/** Prints predictions as they arrive. */
interface PredictionWriter {
  /** Resolves when it is ready for more. */
  write(predictions: readonly (Prediction | JointPrediction)[]): Promise<void>;
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
      const first = form === 'json' ? start : form === 'text' ? headerFor(predictions[0]!) : '';
      const before = written === 0 ? first : form === 'json' ? ',' : '';
      written += predictions.length;
      await print(before + predictions.map(FORMS[form]).join(form === 'json' ? ',' : ''));
    },
    async end() {
      if (form === 'json') await print(`${written === 0 ? start : ''}]}\n`);
    },
  };
}

const FORMS: Readonly<Record<PredictionForm, (prediction: Prediction | JointPrediction) => string>> = {
  json: prediction => JSON.stringify(prediction),
  jsonl: prediction => `${JSON.stringify(prediction)}\n`,
  text: prediction => {
    const answers = 'answers' in prediction ? Object.values(prediction.answers) : [prediction];
    const cells = answers.flatMap(({abstains, class: name, confidence}) => [
      abstains ? 'abstains' : name,
      confidence.toFixed(4),
    ]);
    return lineOf(cells, prediction.id);
  },
};

/** The names of the columns, if there are several questions. */
function headerFor(prediction: Prediction | JointPrediction): string {
  if (!('answers' in prediction)) return '';
  const cells = Object.keys(prediction.answers).flatMap(name => [name, `${name}: confidence`]);
  return lineOf(cells, prediction.id === undefined ? undefined : 'id');
}

function lineOf(cells: readonly string[], id: string | undefined): string {
  return `${[...cells, ...(id === undefined ? [] : [id])].map(cell => cell.replace(/[\t\r\n]+/g, ' ')).join('\t')}\n`;
}
