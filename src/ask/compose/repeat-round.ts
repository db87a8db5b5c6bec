import {LimbeckError, TeacherError} from '../../errors.ts';
import type {Outcome, Part, Question} from '../../teacher.ts';
import type {LayerOptions} from '../layer.ts';
import {type AskPart, samplesOf} from './parts.ts';

/** A question, and what became of its samples so far. */
export interface Asked {
  readonly question: Question;
  readonly outcomes: Outcome[];
}

/** Some samples of every question. */
export interface Round {
  readonly part: Part;
  readonly ask: AskPart;
  readonly from: number;
  /** One after the last sample. */
  readonly to: number;
}

/**
 * Asks some more samples about each question. One that can't be put has an error in their place.
 *
 * @param options - `onSettled` is told of questions whose samples all came
 */
export async function askRound(
  {part, ask, from, to}: Round,
  rows: readonly Asked[],
  {onSettled, ...options}: LayerOptions,
): Promise<void> {
  const put = await Promise.all(rows.map(({question}) => putSamples(part, question, from, to)));
  const whole = [...rows.keys()].filter(row => Array.isArray(put[row]));
  onSettled?.(rows.length - whole.length);
  const each = to - from;
  let settled = 0;
  const onSample = (count: number) => {
    const before = Math.floor(settled / each);
    settled += count;
    onSettled?.(Math.floor(settled / each) - before);
  };
  const questions = whole.flatMap(row => put[row] as readonly Question[]);
  const outcomes = await ask(questions, {...options, ...(onSettled && {onSettled: onSample})});
  for (const [row, {outcomes: all}] of rows.entries()) {
    const samples = put[row]!;
    if (samples instanceof Error) all.push({error: samples});
  }
  for (const [index, row] of whole.entries()) {
    rows[row]!.outcomes.push(...outcomes.slice(index * each, (index + 1) * each));
  }
}

async function putSamples(
  part: Part,
  question: Question,
  from: number,
  to: number,
): Promise<readonly Question[] | Error> {
  try {
    return await samplesOf(part, question, from, to);
  } catch (cause) {
    if (cause instanceof LimbeckError) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new TeacherError(part.teacher.name, `A version of the question could not be made: ${reason}.`, {cause});
  }
}
