import type {Question} from '../../src/question.ts';
import type {Answer, Feature} from '../../src/teacher.ts';
import {isUnread, type Unread} from '../_answers/labels.ts';
import {type GivenSubject, subjectReader} from './given.ts';

/** The most characters shown of a wrong label. */
const LONGEST_SHOWN = 40;

/** Shows a short value beside the problem. The value comes from the user's own code, so it is safe to show. */
export function shownReader(read: (value: unknown) => Answer | Unread): (value: unknown) => Answer | Unread {
  return value => {
    const answer = read(value);
    const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
    const isPlain = ['string', 'number', 'undefined'].includes(typeof value) && shown.length <= LONGEST_SHOWN;
    if (!isUnread(answer)) return answer;
    if (!isPlain) return typeof answer === 'string' || 'misread' in answer ? answer : answer.problem;
    return `${typeof answer === 'string' ? answer : answer.problem} Got: ${shown}.`;
  };
}

/** Returns a reader of logits with the activations of these names, for each question about an input. */
export function innerReader(
  form: GivenSubject,
  names: readonly string[],
): (value: unknown, question: Question | undefined) => Answer | Unread | Error {
  const readLogits = subjectReader(form);
  return (value, question) => {
    const {logits, features = {}} = (value ?? {}) as {logits?: unknown; features?: Readonly<Record<string, unknown>>};
    const answer = readLogits(logits, question);
    if (answer instanceof Error || isUnread(answer) || answer.kind !== 'logits') return answer;
    const read: Record<string, Feature> = {};
    for (const name of names) {
      const feature = featureIn(features[name]);
      if (feature === undefined) {
        return `Feature \`${name}\` is not there, does not fill its shape, or holds NaN. Give {shape, values}.`;
      }
      read[name] = feature;
    }
    return {...answer, features: read};
  };
}

/** Undefined if it is no activation. */
function featureIn(value: unknown): Feature | undefined {
  const {shape, values} = (value ?? {}) as {readonly shape?: unknown; readonly values?: unknown};
  if (!Array.isArray(shape) || !shape.every(length => Number.isInteger(length) && length >= 0)) return undefined;
  if (!Array.isArray(values) && !ArrayBuffer.isView(values)) return undefined;
  const floats = Float32Array.from(values as ArrayLike<number>);
  const size = shape.reduce((product: number, length: number) => product * length, 1);
  return floats.length === size && floats.every(Number.isFinite) ? {shape, values: floats} : undefined;
}
