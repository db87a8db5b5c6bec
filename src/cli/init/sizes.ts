import {isLabelled} from '../../data/split.ts';
import {InputError} from '../../errors.ts';
import {inputsOfKinds} from '../../input-kinds.ts';
import type {Asked} from './choose.ts';
import {type InitData, keptIn} from './example-choices.ts';
import {readCount} from './readers.ts';

/** The default number of texts that are kept for measurement. */
const TEST = 500;
const CALLS = 1000;
/** The fewest texts that can train a student and be divided to calibrate it. */
const FEWEST = 10;

/**
 * Chooses how many inputs the teacher is asked about, and how many are kept to measure with.
 *
 * @param usual - the default number of inputs to ask about, if there are so many
 */
export async function chooseSizes(
  {flags, dialogue}: Asked,
  data: InitData,
  usual: number = CALLS,
): Promise<{calls: number; test: number}> {
  const {splits} = data.card;
  const kept = keptIn(data);
  const noun = inputsOfKinds(data.train.inputs.kind);
  const hasOwnFile = typeof flags.test === 'string';
  const test = typeof flags.test === 'number' ? flags.test : hasOwnFile ? splits.test : drawnTest(kept);
  // If they have labels, a tenth is for validation.
  const validation = isLabelled(data) ? Math.max(1, Math.round((hasOwnFile ? kept - test : kept) / 10)) : 0;
  const most = kept - test - validation;
  if (most < FEWEST) {
    throw new InputError(
      `Of ${kept} ${noun} ${test} are kept for measurement, so ${Math.max(0, most)} are left to learn from. Give more ${noun}.`,
    );
  }
  const read = readCount(FEWEST, most);
  const fallback = String(Math.min(usual, most));
  if (flags.calls !== undefined) return {calls: checkedCalls(flags.calls, {most, kept, test, validation, noun}), test};
  if (dialogue === undefined) return {calls: Number(fallback), test};
  return {calls: await dialogue.ask(`How many ${noun} shall the teacher label, of ${most}?`, read, fallback), test};
}

/** The fewest classes and calls for which medoids were measured to gain. */
const MANY = {classes: 20, calls: 500};

/**
 * Whether medoids can choose well: there are many classes, and texts enough to choose from.
 *
 * @param texts - number of texts that are not kept to measure with
 */
export function suitsMedoids(classes: number, calls: number, texts: number): boolean {
  return classes >= MANY.classes && calls >= MANY.calls && texts >= 2 * calls;
}

function drawnTest(kept: number): number {
  return Math.min(TEST, Math.max(1, Math.round(kept / 5)));
}

interface Sizes {
  readonly most: number;
  readonly kept: number;
  readonly test: number;
  readonly validation: number;
  readonly noun: string;
}

function checkedCalls(calls: number, {most, kept, test, validation, noun}: Sizes): number {
  if (calls >= FEWEST && calls <= most) return calls;
  if (calls < FEWEST) throw new InputError(`\`--calls ${calls}\` is too few to learn from. Give ${FEWEST} at least.`);
  const validating = validation === 0 ? '' : ` and ${validation} for validation`;
  throw new InputError(
    `\`--calls ${calls}\` is more than the ${noun} give: of ${kept} that differ, ${test} are kept for measurement${validating}, ` +
      `so ${most} are left. Give \`--calls ${most}\` at most, more ${noun}, or a smaller \`--test\`.`,
  );
}
