import {createReadStream} from 'node:fs';
import {stringify} from 'safe-stable-stringify';
import {checkKnowledgePermission} from '../ask/provider/terms.ts';
import {sameClasses} from '../data/arrays.ts';
import {readLines} from '../data/files.ts';
import type {Inputs} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {type Answers, answerAt, tabulate} from '../knowledge/answers.ts';
import {heldDetail, satisfies} from '../knowledge/coarsen.ts';
import {answersAt, countOf, inputsAt, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import {readTraffic, type TrafficHead, type TrafficLine} from '../serve/traffic.ts';
import type {Answer} from '../teacher.ts';

export interface TrafficOptions {
  /** The file that `limbeck serve --traffic` writes. */
  readonly path: string;
  /** Inputs that no student may learn from: those of the validation and the test split. */
  readonly held: readonly Inputs[];
  /**
   * Inputs of the knowledge, by their index, that calibrate. None of the traffic does: its texts are those that a student was
   * not sure of.
   *
   * @default those of the knowledge
   */
  readonly calibrationInputs?: readonly number[];
  /**
   * Inputs without an answer that were drawn to calibrate as well.
   *
   * @default 0
   */
  readonly unanswered?: number;
  /**
   * True if a provider whose terms forbid to train on its answers permits it. The answers were bought to serve.
   *
   * @default false
   */
  readonly hasPermission?: boolean;
}

/** Knowledge with the texts that a service's teacher was asked about since. */
export interface WithTraffic {
  readonly knowledge: Knowledge | StoredKnowledge;
  /** Texts that came to it. */
  readonly added: number;
  /** Texts that did not, and why. */
  readonly leftOut: TrafficLeftOut;
}

export interface TrafficLeftOut {
  /** They are in the knowledge, or came before. */
  known: number;
  /** They are held for measurement. */
  held: number;
  /** Another teacher answered, or one with other classes. */
  others: number;
  /** The answer holds less than the knowledge. */
  poorer: number;
  /** The line can't be read. */
  damaged: number;
}

/** Rows that are read at once. */
const CHUNK = 1000;

/**
 * Joins a service's traffic to saved knowledge of the same teacher, so that a student learns from the texts that the last
 * one was not sure of. Each text counts once, and none that is held for measurement.
 *
 * @throws InputError if there is no such file, the knowledge is not of a teacher of texts, or the terms of that teacher's
 *   provider forbid it
 */
export async function knowledgeWithTraffic(
  knowledge: Knowledge | StoredKnowledge,
  {path, held, calibrationInputs = knowledge.calibrationInputs, unanswered = 0, hasPermission = false}: TrafficOptions,
): Promise<WithTraffic> {
  if (knowledge.source.access === 'truth') {
    throw new InputError(
      "Traffic holds a teacher's answers, and the method learns from true labels. Name another method.",
    );
  }
  checkKnowledgePermission(knowledge.source.identity, hasPermission);
  if ((knowledge.versions ?? 1) > 1) {
    throw new InputError('Traffic holds one version of each text, and the knowledge several. Leave the traffic out.');
  }
  const known = await textsOf(knowledge);
  const heldTexts = new Set(held.flatMap(inputs => (inputs.kind === 'text' ? inputs.texts : [])));
  const leftOut: TrafficLeftOut = {known: 0, held: 0, others: 0, poorer: 0, damaged: 0};
  const texts: string[] = [];
  const answers: Answer[] = [];
  let isOfTeacher = false;
  for await (const line of linesOf(path)) {
    const read = readTraffic(line);
    if (read === undefined) leftOut.damaged++;
    else if ('format' in read) isOfTeacher = isHeadOf(read, knowledge);
    else {
      const reason = isOfTeacher ? problemWith(read, knowledge) : 'others';
      if (reason !== undefined) leftOut[reason]++;
      else if (heldTexts.has(read.text)) leftOut.held++;
      else if (known.has(read.text)) leftOut.known++;
      else {
        known.add(read.text);
        texts.push(read.text);
        answers.push(read.answer);
      }
    }
  }
  if (texts.length === 0) return {knowledge, added: 0, leftOut};
  const whole = await joined(knowledge, texts, answers);
  return {
    knowledge: {...whole, ...(calibrationInputs && {calibrationInputs}), ...(unanswered > 0 && {unanswered})},
    added: texts.length,
    leftOut,
  };
}

/** The outcome as a sentence for people. */
export function describeTraffic(path: string, {added, leftOut}: Pick<WithTraffic, 'added' | 'leftOut'>): string {
  const {known, held, others, poorer, damaged} = leftOut;
  const reasons = [
    [known, 'known already'],
    [held, 'held for measurement'],
    [others, 'answered by another teacher'],
    [poorer, 'with poorer answers'],
    [damaged, 'damaged'],
  ] as const;
  const left = reasons.flatMap(([count, reason]) => (count > 0 ? [`${count} ${reason}`] : []));
  return `${added} texts of ${path} join the knowledge${left.length > 0 ? `; left out: ${left.join(', ')}` : ''}.`;
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const source = createReadStream(path);
  try {
    for await (const line of readLines(source)) {
      if (line !== '') yield line;
    }
  } catch (cause) {
    throw new InputError(
      `The traffic in ${path} can't be read: ${(cause as Error).message}. Give the file of \`limbeck serve --traffic\`.`,
      {cause},
    );
  } finally {
    source.destroy();
  }
}

function isHeadOf(
  {teacher, classes}: TrafficHead,
  {source, classes: own}: Pick<Knowledge, 'source' | 'classes'>,
): boolean {
  return stringify(teacher.identity) === stringify(source.identity) && sameClasses(classes, own);
}

function problemWith(
  {answer}: TrafficLine,
  {detail, classes}: Pick<Knowledge, 'detail' | 'classes'>,
): 'poorer' | 'damaged' | undefined {
  if (!fits(answer, classes.length)) return 'damaged';
  return satisfies(heldDetail(answer, detail), detail) ? undefined : 'poorer';
}

/** Whether an answer speaks of so many classes. */
function fits(answer: Answer, classes: number): boolean {
  switch (answer.kind) {
    case 'label':
      return answer.label < classes;
    case 'votes':
      return answer.counts.length === classes;
    case 'expected':
      return answer.level <= classes - 1;
    case 'top-k':
      return answer.classes.every(index => index < classes) && answer.classes.length === answer.logProbabilities.length;
    case 'log-probabilities':
      return answer.logProbabilities.length === classes;
    case 'logits':
      return answer.logits.length === classes;
    case 'vector':
      return false;
  }
}

async function textsOf(knowledge: Knowledge | StoredKnowledge): Promise<Set<string>> {
  const texts = new Set<string>();
  const count = countOf(knowledge);
  for (let start = 0; start < count; start += CHUNK) {
    const rows = Array.from({length: Math.min(CHUNK, count - start)}, (_, row) => start + row);
    for (const text of textsIn(await inputsAt(knowledge, rows))) texts.add(text);
  }
  return texts;
}

function textsIn(inputs: Inputs): readonly string[] {
  if (inputs.kind === 'text') return inputs.texts;
  throw new InputError(`Traffic holds texts, and the knowledge is about ${inputsOfKinds(inputs.kind)}. Leave it out.`);
}

/** The rows of the knowledge, and after them the new ones. */
async function joined(
  knowledge: Knowledge | StoredKnowledge,
  texts: readonly string[],
  answers: readonly Answer[],
): Promise<Knowledge | StoredKnowledge> {
  const {source, classes, detail} = knowledge;
  const before = countOf(knowledge);
  const count = before + texts.length;
  const readInputs = async (rows: ArrayLike<number>): Promise<Inputs> => {
    const old = textsIn(await inputsAt(knowledge, below(before, rows)));
    const all = merged(rows, before, old, texts);
    return {kind: 'text', count: all.length, texts: all};
  };
  const readAnswers = async (rows: ArrayLike<number>): Promise<Answers> => {
    const old = await answersAt(knowledge, below(before, rows));
    const oldRows = Array.from({length: old.count}, (_, row) => answerAt(old, row, classes.length));
    return tabulate(merged(rows, before, oldRows, answers), detail, classes.length);
  };
  if (!('inputs' in knowledge)) return {...knowledge, count, readInputs, readAnswers};
  const rows = Array.from({length: count}, (_, row) => row);
  return {source, classes, detail, inputs: await readInputs(rows), answers: await readAnswers(rows)};
}

function below(before: number, rows: ArrayLike<number>): readonly number[] {
  return Array.from(rows).filter(row => row < before);
}

/** @param old - of the rows below `before`, in the order in which `rows` names them */
function merged<T>(rows: ArrayLike<number>, before: number, old: readonly T[], added: readonly T[]): T[] {
  let next = 0;
  return Array.from(rows, row => (row < before ? old[next++]! : added[row - before]!));
}
