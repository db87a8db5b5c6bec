import {type Missing, missingError} from '../ask/collect.ts';
import {BudgetError, InputError, KnowledgeError, PendingError, UnrecordedError} from '../errors.ts';
import type {MissingCount} from '../statistics/missing-bounds.ts';
import {percent} from './report/format.ts';
import type {Study} from './study.ts';

/** The share of inputs that may be left without an answer before a command fails, if nothing else is said. */
export const ALLOWED_MISSING = 0.01;

/** @throws InputError */
export function checkShare(allowMissing: number): void {
  if (allowMissing >= 0 && allowMissing <= 1) return;
  throw new InputError(`Expected \`allowMissing\` to be a share from 0 to 1, got ${allowMissing}.`);
}

/** Inputs that were left without an answer. */
export interface MissingInputs extends MissingCount {
  /** `count / total`, from 0 to 1. The furthest that they can move a share that is measured without them. */
  readonly share: number;
}

export function missingInputs(count: number, total: number): MissingInputs {
  return {count, total, share: total === 0 ? 0 : count / total};
}

/** Inputs that a teacher left without an answer, among those it was asked about. */
export interface LeftOut {
  /** Name of the teacher. */
  readonly teacher: string;
  readonly missing: readonly Missing[];
  /** Inputs that it was asked about. */
  readonly total: number;
}

/** Whether another run may answer the input: the budget ended before it, or its batch has not ended. */
export function isUnasked({error}: Missing): boolean {
  return error instanceof BudgetError || error instanceof PendingError;
}

/**
 * Notes how many inputs are left out, as long as the study allows so many.
 *
 * @param consequence - what follows, as a sentence
 * @throws KnowledgeError if they are more, and if one was not asked about since the record mode forbids it
 */
export function checkAllowed(
  {allowMissing, onNote}: Pick<Study, 'allowMissing' | 'onNote'>,
  {teacher, missing, total}: LeftOut,
  consequence: string,
): MissingInputs {
  const found = missingInputs(missing.length, total);
  if (missing.length === 0) return found;
  const left = missingError(teacher, missing, total);
  if (missing.some(({error}) => error instanceof UnrecordedError)) throw left;
  const shares = `That is ${percent(found.share)} %; \`--allow-missing\` allows ${percent(allowMissing)} %.`;
  const text = `${left.message}\n${shares} ${consequence}\n${ADVICE}`;
  if (found.share > allowMissing) throw new KnowledgeError(text, {cause: missing[0]!.error});
  onNote(text);
  return found;
}

const ADVICE =
  '`limbeck cache quarantine list` shows what came instead. `aliases` of the teacher map it to classes, for nothing; ' +
  '`--retry-quarantined` asks again.';
