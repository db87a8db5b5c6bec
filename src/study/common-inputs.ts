import {selectInputs} from '../data/inputs.ts';
import {KnowledgeError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {selectAnswers} from '../knowledge/table.ts';
import {keep, type Labelled} from './asking.ts';
import type {MethodChanges} from './changes.ts';
import {checkAllowed, type MissingInputs, missingInputs} from './missing.ts';
import {counted, percent} from './report/format.ts';
import {isSelecting} from './selecting.ts';
import type {Study} from './study.ts';

/** What the methods of a study learn from, without the inputs that some level did not answer. */
export interface CommonInputs {
  readonly asked: readonly Labelled[];
  /** What is left out of the drawn inputs. */
  readonly missing: MissingInputs;
  /** What that changes in a method which learns from true labels. */
  readonly changes: MethodChanges;
}

/**
 * Leaves out of every level the inputs that any level lacks, since the methods of a study learn from the same inputs.
 * What is saved is replaced. A method that chooses its own inputs keeps all of its answers.
 *
 * @throws KnowledgeError if a level, or all of them together, lack more than the study allows
 */
export async function toCommonInputs(study: Study, asked: readonly Labelled[]): Promise<CommonInputs> {
  for (const one of asked) checkAllowed(study, one, 'No method learns from them.');
  const lacking = new Set(asked.flatMap(inputsMissing));
  const missing = missingInputs(lacking.size, study.drawn.inputs.count);
  if (lacking.size === 0) return {asked, missing, changes: {}};
  checkTogether(study, missing);
  const reduced: Labelled[] = [];
  for (const one of asked) reduced.push(await without(study, one, lacking));
  const leftOut = [...lacking].sort((one, other) => one - other);
  return {asked: reduced, missing, changes: {leftOut}};
}

/** Places in the drawn inputs, of what a level shares with others. */
function inputsMissing({inquiry, missing, knowledge: {versions = 1}}: Labelled): number[] {
  return isSelecting(inquiry) ? [] : missing.map(({index}) => Math.floor(index / versions));
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
  if (isSelecting(one.inquiry)) return one;
  const {versions = 1} = one.knowledge;
  const own = new Set(inputsMissing(one));
  const answered = Array.from({length: one.total / versions}, (_, input) => input).filter(input => !own.has(input));
  const rows = answered.flatMap((input, place) =>
    lacking.has(input) ? [] : Array.from({length: versions}, (_, version) => place * versions + version),
  );
  if (rows.length === one.knowledge.inputs.count) return one;
  const knowledge = selectKnowledge(one.knowledge, rows);
  return {...one, knowledge, path: await keep(study, one.inquiry, knowledge)};
}

function selectKnowledge(knowledge: Knowledge, rows: readonly number[]): Knowledge {
  const {inputs, answers, classes} = knowledge;
  return {...knowledge, inputs: selectInputs(inputs, rows), answers: selectAnswers(answers, rows, classes.length)};
}
