import {type Inputs, inputAt} from '../data/inputs.ts';
import type {TransferSet} from '../data/split.ts';
import {KnowledgeError} from '../errors.ts';
import type {Answers} from '../knowledge/answers.ts';
import {describeDetail, satisfies, withoutFeatures} from '../knowledge/coarsen.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {tabulate} from '../knowledge/table.ts';
import type {Access, AnswerOf, Outcome} from '../teacher.ts';
import type {BatchesOptions, ProgressTeacher} from './batches.ts';

/** How many of the inputs that failed a message names. */
const NAMED_FAILURES = 3;

/**
 * Asks a teacher about a whole transfer set.
 *
 * @param teacher - with its layers, see `stack`
 * @throws KnowledgeError as `answersTo` does
 */
export async function collect<A extends Access>(
  teacher: ProgressTeacher<A>,
  {inputs}: TransferSet,
  options: BatchesOptions = {},
): Promise<Knowledge> {
  const {access, identity, classes} = teacher;
  const {detail = withoutFeatures(teacher.detail)} = options;
  return {source: {access, identity}, classes, detail, inputs, answers: await answersTo(teacher, inputs, options)};
}

/**
 * Asks a teacher about each of these inputs; row i answers input i.
 *
 * @throws KnowledgeError where inputs are left without an answer, after everything else was asked and kept; and where
 * the teacher doesn't give the detail
 */
export async function answersTo<A extends Access>(
  teacher: ProgressTeacher<A>,
  inputs: Inputs,
  {detail = withoutFeatures(teacher.detail), ...options}: BatchesOptions = {},
): Promise<Answers> {
  if (!satisfies(teacher.detail, detail)) {
    throw new KnowledgeError(
      `Teacher ${teacher.name} gives ${describeDetail(teacher.detail)}, and ${describeDetail(detail)} was asked for. ` +
        'Ask for less, or ask another teacher.',
    );
  }
  const questions = Array.from({length: inputs.count}, (_, index) => ({input: inputAt(inputs, index)}));
  const outcomes = await teacher.ask(questions, {...options, detail});
  return tabulate(answersOf(outcomes, teacher.name), detail, teacher.classes.length);
}

/**
 * The answers of a call of which every question was answered.
 *
 * @param teacher - its name
 * @throws KnowledgeError that counts the questions without an answer and names the first of them with their reasons
 */
export function answersOf<A extends Access>(outcomes: readonly Outcome<A>[], teacher: string): AnswerOf<A>[] {
  const answers: AnswerOf<A>[] = [];
  const failures: {readonly index: number; readonly error: Error}[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if ('error' in outcome) failures.push({index, error: outcome.error});
    else answers.push(outcome.answer);
  }
  if (failures.length === 0) return answers;
  const named = failures.slice(0, NAMED_FAILURES).map(({index, error}) => `\n  input ${index}: ${error.message}`);
  const others = failures.length - named.length;
  if (others > 0) named.push(`\n  and ${others} more.`);
  throw new KnowledgeError(
    `Teacher ${teacher} left ${failures.length} of ${outcomes.length} inputs without an answer:${named.join('')}`,
    {cause: failures[0]!.error},
  );
}
