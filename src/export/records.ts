import type {Inputs} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {answerAt} from '../knowledge/answers.ts';
import {coarsen, labelOf} from '../knowledge/coarsen.ts';
import {answersAt, countOf, inputsAt, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import type {Answer, Detail} from '../teacher.ts';

/** A text and the teacher's answer, with the names of the classes. */
export interface LabelledText {
  readonly text: string;
  /** The most probable class. */
  readonly label: string;
  /** Present if the answers show a distribution. */
  readonly top?: Top;
  /** Present if the answers are votes: the count of each class, in the order of the classes. */
  readonly votes?: Uint32Array;
}

/** The most probable classes, that one first. */
export interface Top {
  readonly classes: readonly string[];
  /** Natural logarithms, one for each named class. */
  readonly logProbabilities: Float32Array;
  /** The probability of all classes that are not named; undefined if all are. */
  readonly rest?: number;
}

/** Number of texts that are read at once. */
const BATCH = 1000;

/**
 * Knowledge of texts, read on demand.
 *
 * @param k - number of classes of a distribution that are named; all if undefined
 */
export async function* labelledTexts(
  knowledge: Knowledge | StoredKnowledge,
  k: number = knowledge.classes.length,
): AsyncGenerator<LabelledText> {
  const {classes, detail} = knowledge;
  const count = countOf(knowledge);
  for (let start = 0; start < count; start += BATCH) {
    const rows = Int32Array.from({length: Math.min(BATCH, count - start)}, (_, row) => start + row);
    const [inputs, answers] = [await inputsAt(knowledge, rows), await answersAt(knowledge, rows)];
    if (inputs.kind !== 'text') throw notTexts(inputs);
    for (const [row, text] of inputs.texts.entries()) {
      const answer = answerAt(answers, row, classes.length);
      const label = classes[labelOf(answer)]!;
      yield {text, label, ...shownBy(answer, classes, isWhole(detail, k, classes.length), k)};
    }
  }
}

/**
 * @param k - number of wanted classes
 * @throws InputError if the answers show no distribution
 */
export function checkTop({kind}: Detail, k: number | undefined): void {
  if (k === undefined || (kind !== 'label' && kind !== 'votes')) return;
  throw new InputError(
    `The answers are ${kind === 'label' ? 'labels' : 'votes'} and have no probabilities. Leave \`top\` out.`,
  );
}

/** @throws InputError if the inputs are not texts */
export async function checkTexts(knowledge: Knowledge | StoredKnowledge): Promise<void> {
  const inputs = await inputsAt(knowledge, []);
  if (inputs.kind !== 'text') throw notTexts(inputs);
}

function notTexts({kind}: Inputs): InputError {
  return new InputError(
    `The knowledge is about ${inputsOfKinds(kind)}, and only texts are exported. Its file is in the safetensors format, which other ` +
      'programs read as it is.',
  );
}

/** True if `k` classes are the whole distribution. */
function isWhole(detail: Detail, k: number, classes: number): boolean {
  return k >= classes && (detail.kind !== 'top-k' || detail.k >= classes);
}

function shownBy(
  answer: Answer,
  classes: readonly string[],
  whole: boolean,
  k: number,
): Pick<LabelledText, 'top' | 'votes'> {
  if (answer.kind === 'label') return {};
  if (answer.kind === 'votes') return {votes: answer.counts};
  const {classes: named, logProbabilities, rest} = coarsen(answer, {kind: 'top-k', k});
  return {top: {classes: Array.from(named, index => classes[index]!), logProbabilities, ...(!whole && {rest})}};
}
