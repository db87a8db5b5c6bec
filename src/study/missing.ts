import {type Missing, missingError} from '../ask/collect.ts';
import {selectInputs} from '../data/inputs.ts';
import {BudgetError, KnowledgeError, PendingError, UnrecordedError} from '../errors.ts';
import {selectAnswers} from '../knowledge/answers.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import {keep} from './knowledge.ts';
import type {MethodChanges, MethodSelection} from './methods.ts';
import {counted, percent} from './report/format.ts';
import type {LedgerTotals, MissingInputs} from './results.ts';
import type {Study} from './study.ts';

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

/** The outcome of a query plan. */
export interface Asked {
  readonly plan: QueryPlan;
  readonly knowledge: Knowledge;
  readonly ledger: LedgerTotals;
  /** The file of the knowledge. */
  readonly path: string;
  /** Present if the plan's method chose its inputs in rounds. */
  readonly selection?: MethodSelection | undefined;
}

/** The outcome of a query plan for the inputs that were answered. */
export interface Labelled extends Asked, LeftOut {
  /** Inputs of the transfer set; versions count for themselves. */
  readonly total: number;
}

/** Whether another run may answer the input: the budget ended before it, or its batch has not ended. */
export function isUnasked({error}: Missing): boolean {
  return error instanceof BudgetError || error instanceof PendingError;
}

/** @throws KnowledgeError if there is an input that another run may answer */
export function checkAsked({teacher, missing, total}: LeftOut): void {
  if (missing.some(isUnasked)) throw missingError(teacher, missing, total);
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
  const text = `${left.message}\n${shares} ${consequence}\n${adviceOn(left.message)}`;
  if (found.share > allowMissing) throw new KnowledgeError(text, {cause: missing[0]!.error});
  onNote(text);
  return found;
}

function adviceOn(reasons: string): string {
  const shown = '`limbeck cache quarantine list` shows what came instead';
  const mapped = reasons.includes('`aliases') ? '. `aliases` of the teacher map it to classes, for nothing' : '';
  return `${shown}${mapped}; \`--retry-quarantined\` asks again.`;
}

/** The knowledge of a study's query plans, without the inputs that some level did not answer. */
export interface CommonInputs {
  readonly asked: readonly Labelled[];
  /** The drawn inputs that are left out. */
  readonly missing: MissingInputs;
  /** The changes that follow for a method that learns from true labels. */
  readonly changes: MethodChanges;
}

/**
 * Leaves out of every level the inputs that any level lacks, since the methods of a study learn from the same inputs.
 * Replaces the saved knowledge. A method that chooses its own inputs keeps all of its answers.
 *
 * @throws KnowledgeError if a level, or all of them together, lack more than the study allows
 */
export async function toCommonInputs(study: Study, asked: readonly Labelled[]): Promise<CommonInputs> {
  for (const one of asked) checkAllowed(study, one, 'No method learns from them.');
  const lacking = new Set(asked.flatMap(inputsMissing));
  const missing = missingInputs(lacking.size, study.recipe.drawn.inputs.count);
  if (lacking.size === 0) return {asked, missing, changes: {}};
  checkTogether(study, missing);
  const reduced: Labelled[] = [];
  for (const one of asked) reduced.push(await without(study, one, lacking));
  const leftOut = [...lacking].sort((one, other) => one - other);
  return {asked: reduced, missing, changes: {leftOut}};
}

/** Indices in the drawn inputs of those that a shared plan lacks. */
function inputsMissing({plan, missing, knowledge: {versions = 1}}: Labelled): number[] {
  return plan.select ? [] : missing.map(({index}) => Math.floor(index / versions));
}

/** @throws KnowledgeError */
function checkTogether({allowMissing}: Study, {count, total, share}: MissingInputs): void {
  if (share <= allowMissing) return;
  throw new KnowledgeError(
    `Together the levels left ${count} of ${counted(total, 'input')} without an answer (${percent(share)} %), and all methods ` +
      `learn from the same inputs. \`--allow-missing\` allows ${percent(allowMissing)} %. Allow more, or compare fewer levels.`,
  );
}

async function without(study: Study, one: Labelled, lacking: ReadonlySet<number>): Promise<Labelled> {
  if (one.plan.select) return one;
  const {versions = 1} = one.knowledge;
  const own = new Set(inputsMissing(one));
  const answered = Array.from({length: one.total / versions}, (_, input) => input).filter(input => !own.has(input));
  const rows = answered.flatMap((input, index) =>
    lacking.has(input) ? [] : Array.from({length: versions}, (_, version) => index * versions + version),
  );
  if (rows.length === one.knowledge.inputs.count) return one;
  const knowledge = selectKnowledge(one.knowledge, rows);
  return {...one, knowledge, path: await keep(study, one.plan, knowledge)};
}

function selectKnowledge(knowledge: Knowledge, rows: readonly number[]): Knowledge {
  const {inputs, answers, classes} = knowledge;
  return {...knowledge, inputs: selectInputs(inputs, rows), answers: selectAnswers(answers, rows, classes.length)};
}
