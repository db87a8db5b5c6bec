import type {JointKnowledge} from '../ask/joint-knowledge.ts';
import {sameClasses} from '../data/arrays.ts';
import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {type AssistedKnowledge, answeredRowsOf} from '../knowledge/assisted.ts';
import {countOf, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import type {BatchOutputs, LossTerm} from '../losses/loss.ts';
import {softLabels} from '../losses/soft-labels.ts';
import {type HeadColumns, headsOf} from '../student/heads.ts';
import type {Student} from '../student/student.ts';

/** The terms of each question's objective, by its name; or those of every question. */
export type Losses = readonly LossTerm[] | Readonly<Record<string, readonly LossTerm[]>>;

/** What a student learns from: the answers to one question, with an assistant's labels or without, or to each of its own. */
export type AnyKnowledge = Knowledge | StoredKnowledge | AssistedKnowledge | JointKnowledge;

/** The name of the lesson that an assistant's labels are. */
export const ASSISTANT = 'assistant';

/** What one head of a student learns from. */
export interface Lesson {
  /** The name of its question; undefined if the student has one head. */
  readonly name: string | undefined;
  readonly knowledge: Knowledge | StoredKnowledge;
  /** By row of the whole, the row in `knowledge`; -1 if there is no answer. Undefined: they are the same. */
  readonly rows: Int32Array | undefined;
  readonly losses: readonly LossTerm[];
  /** How much its question counts. */
  readonly weight: number;
  /** The columns of the student's output that are its own. */
  readonly head: HeadColumns;
}

export interface LessonOptions {
  readonly losses: Losses;
  readonly questionWeights?: Readonly<Record<string, number>> | undefined;
}

/**
 * Matches the heads of a student with what they learn from.
 *
 * @throws InputError if the questions, their classes, the losses or the weights don't fit each other
 */
export function lessonsOf(student: Student, knowledge: AnyKnowledge, options: LessonOptions): readonly Lesson[] {
  if (student.heads === undefined) return lessonsOfOne(student, knowledge, options);
  const {losses, questionWeights = {}} = options;
  const heads = headsOf(student);
  const names = heads.map(({question}) => question!.name);
  if (!('parts' in knowledge)) {
    throw new InputError(
      `The student answers ${heads.length} questions (${names.join(', ')}), and the knowledge is about one. Join the answers to all of them with \`joinKnowledge()\`.`,
    );
  }
  checkNames('`questionWeights`', Object.keys(questionWeights), names);
  if (!isOneList(losses)) checkNames('`losses`', Object.keys(losses), names);
  checkNames(
    'the knowledge',
    knowledge.parts.map(({question}) => question!.name),
    names,
  );
  return heads.map(head => {
    const {name} = head.question!;
    const index = knowledge.parts.findIndex(({question}) => question!.name === name);
    if (index === -1) {
      throw new InputError(`The knowledge has no answers to \`${name}\`. Ask it, or leave it out of the student.`);
    }
    const part = knowledge.parts[index]!;
    checkClasses(head.classes, part.classes, `The student's classes of \`${name}\``);
    const own = isOneList(losses) ? losses : losses[name];
    if (own === undefined) throw new InputError(`\`losses\` names no losses of \`${name}\`. Give it one at least.`);
    const weight = questionWeights[name] ?? 1;
    if (!(weight > 0 && Number.isFinite(weight))) {
      throw new InputError(`Expected \`questionWeights.${name}\` to be a number above 0, got ${weight}.`);
    }
    return {name, knowledge: part, rows: knowledge.rows[index]!, losses: own, weight, head};
  });
}

function lessonsOfOne(
  student: Student,
  knowledge: AnyKnowledge,
  {losses, questionWeights}: LessonOptions,
): readonly Lesson[] {
  if ('parts' in knowledge) {
    throw new InputError(
      'The knowledge is about several questions, and the student answers one. Make it with `withHeads()`.',
    );
  }
  if (!isOneList(losses) || questionWeights !== undefined) {
    throw new InputError('The student answers one question: give `losses` as a list, and leave `questionWeights` out.');
  }
  const isAssisted = 'assisted' in knowledge;
  const answered = isAssisted ? knowledge.answered : knowledge;
  checkClasses(student.classes, answered.classes, "The student's classes");
  const [head] = headsOf(student) as readonly [HeadColumns];
  const rows = isAssisted ? answeredRowsOf(knowledge) : undefined;
  const share = isAssisted ? countOf(answered) / knowledge.count : 1;
  const lesson = {name: undefined, knowledge: answered, rows, losses, weight: share, head};
  if (!isAssisted) return [lesson];
  const {assisted, weight} = knowledge;
  const copied = [softLabels({temperature: 1})];
  return [lesson, {name: ASSISTANT, knowledge: assisted, rows: undefined, losses: copied, weight, head}];
}

function isOneList(losses: Losses): losses is readonly LossTerm[] {
  return Array.isArray(losses);
}

/** @throws InputError if a name is of no question of the student */
export function checkNames(where: string, given: readonly string[], known: readonly string[]): void {
  const stranger = given.find(name => !known.includes(name));
  if (stranger === undefined) return;
  throw new InputError(
    `The student has no question \`${stranger}\`, which ${where} names. It has: ${known.join(', ')}.`,
  );
}

function checkClasses(own: readonly string[], others: readonly string[], whose: string): void {
  if (sameClasses(own, others)) return;
  throw new InputError(`${whose} (${own.join(', ')}) are not those of the knowledge (${others.join(', ')}).`);
}

/** True if an input has no answer to the question. */
export function isPartial({rows}: Lesson): boolean {
  return rows?.includes(-1) ?? false;
}

/** The outputs that belong to each lesson. */
export function outputsByLesson(outputs: BatchOutputs, lessons: readonly Lesson[]): readonly BatchOutputs[] {
  if (lessons.length === 1) return [outputs];
  return lessons.map(({head: {start, classes}}) => ({
    ...outputs,
    logits: tf.slice(outputs.logits, [0, start], [-1, classes.length]),
  }));
}
