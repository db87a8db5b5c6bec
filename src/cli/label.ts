import {whileNotingEndings} from '../ask/provider/endings.ts';
import {checkPermission} from '../ask/provider/terms.ts';
import {BudgetError, InputError, PendingError} from '../errors.ts';
import {countOf} from '../knowledge/knowledge.ts';
import {loadRecipe} from '../recipe/load.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {type ResolvedRecipe, resolveRecipe} from '../recipe/resolve.ts';
import {labelQueries, type Pending, teachersAsked} from '../study/asking.ts';
import {checkStudyWritable} from '../study/folders.ts';
import {type LabelledInShards, labelInShards} from '../study/label-shards.ts';
import type {Labelled} from '../study/missing.ts';
import {checkAllowed, isUnasked, missingInputs} from '../study/missing.ts';
import {
  type LabelledShard,
  labelShard,
  type RowRange,
  rowsIn,
  type Shard,
  type ShardRows,
  type Share,
} from '../study/shard.ts';
import {withStudies} from '../study/studies.ts';
import {type OpenStudyOptions, openStudy, type Study, type StudyOptions} from '../study/study.ts';
import type {Access} from '../teacher.ts';
import {type StudyFlags, studyOptions} from './study-options.ts';
import {openTerminal, type Terminal} from './terminal.ts';

/** The lane by which queries go to services. */
export type Lane = 'batch';

/** The part of the transfer set that is asked about. */
export interface ShardFlags {
  readonly rows?: RowRange;
  readonly shard?: Share;
}

export interface LabelFlags extends StudyFlags, ShardFlags {
  readonly level?: Access;
  readonly lane?: Lane;
  readonly detach?: boolean;
  readonly cancel?: boolean;
}

export async function runLabel(path: string, flags: LabelFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const source = await loadRecipe(path);
  const options = {...studyOptions(flags, terminal), ...laneChosen(flags)};
  const shard = flags.rows ?? flags.shard;
  if (shard === undefined) await checkStudyWritable(source, options);
  const levelsOf = ({levels}: ResolvedRecipe) => (flags.level ? [flags.level] : levels);
  const plansOf = (recipe: ResolvedRecipe) => recipe.queryPlans.filter(({level}) => levelsOf(recipe).includes(level));
  const open = async (about: Recipe, own: StudyOptions & OpenStudyOptions) => {
    const recipe = await resolveRecipe(about, 'sample');
    if (shard) rowsIn(shard, recipe, plansOf(recipe));
    return openStudy(recipe, levelsOf(recipe), own);
  };
  await withStudies(source, options, open, async studies => {
    const teachers = studies.flatMap(({study}) => teachersAsked(study, levelsOf(study.recipe)));
    checkPermission(teachers, studies[0]!.study.hasPermission);
    const labelled = await whileNotingEndings(teachers, options.record === 'none' ? {} : options, async () => {
      const done: LabelledStudy[] = [];
      for (const {question, study} of studies) {
        const found: Found[] = [];
        for (const plan of plansOf(study.recipe)) {
          found.push(await (shard ? labelShard(study, plan, shard) : labelWhole(study, plan)));
        }
        done.push({study, question: question?.name, found});
      }
      return done;
    });
    reportLabelled(terminal, labelled);
    if (shard) terminal.note(noteOnJoining(shard));
    for (const {study, found} of labelled) for (const one of found) checkMissing(study, one);
  });
}

/** The outcome of the query plans of one study. */
export interface LabelledStudy {
  readonly study: Study;
  readonly question: string | undefined;
  readonly found: readonly Found[];
}

/** The outcome of a query plan. */
export type Found = Labelled | LabelledInShards | LabelledShard | Pending;

/** Asks about a whole transfer set, and saves its knowledge: of data in shards, in shards. */
export function labelWhole(
  study: Study,
  plan: QueryPlan,
  reasons?: ReadonlyMap<number, Error>,
): Promise<Labelled | LabelledInShards | Pending> {
  return study.recipe.shards ? labelInShards(study, plan, reasons) : labelQueries(study, plan, reasons);
}

function noteOnJoining(shard: Shard): string {
  const flag = 'of' in shard ? '--shard' : '--rows';
  return (
    `No knowledge is saved of a part. When all parts are answered, the same command without \`${flag}\` saves ` +
    'the knowledge, and buys only what this cache has no answer to.'
  );
}

function laneChosen({lane, detach = false, cancel = false}: LabelFlags): Pick<StudyOptions, 'lane'> {
  if (lane === 'batch') return {lane: {detached: detach, cancel: cancel}};
  if (detach || cancel) {
    throw new InputError(`\`${detach ? '--detach' : '--cancel'}\` needs batches. Add \`--lane batch\`.`);
  }
  return {};
}

export function reportLabelled(
  terminal: Terminal,
  labelled: readonly {question: string | undefined; found: readonly Found[]}[],
): void {
  const rows = labelled.flatMap(({question, found}) =>
    found.map(one => ({...(question !== undefined && {question}), ...rowOf(one)})),
  );
  const lines = labelled.flatMap(({question, found}) => {
    const about = question === undefined ? '' : `${question}, `;
    return found.map(one => `${about}${one.plan.name}: ${lineOf(one)}`);
  });
  terminal.result({levels: rows}, lines.join('\n'));
}

function rowOf(found: Found) {
  const {level, own} = found.plan;
  const part = 'rows' in found && {rows: found.rows, of: found.of};
  const whose = {level, ...(own && {method: own.method}), ...part};
  if ('pending' in found) return {...whose, answers: 0, ...found.ledger};
  const {knowledge, ledger, missing, total} = found;
  const answers = countOf(knowledge);
  const lacking = missing.length + ('unasked' in found ? found.unasked : 0);
  const {share: missingShare} = missingInputs(lacking, total);
  const path = 'path' in found && {path: found.path};
  return {...whose, answers, missing: lacking, missingShare, detail: knowledge.detail, ...path, ...ledger};
}

function lineOf(found: Found): string {
  const {asked, bought, cached, imported} = found.ledger;
  if ('pending' in found) return 'no answers yet';
  const {knowledge, total} = found;
  const answers = countOf(knowledge);
  // If a teacher is made of others, their answers are bought and kept.
  const made = asked > total ? `made of ${asked} of its parts, ` : '';
  const ofLogs = imported === undefined ? '' : `, ${imported} of them imported`;
  const where = 'path' in found ? `in ${found.path}` : `about ${rowsText(found)}`;
  return `${answers} answers (${made}${bought} bought, ${cached} cached${ofLogs}) ${where}`;
}

/** A part of a transfer set, for people. */
export function rowsText({rows: {from, to}, of}: ShardRows): string {
  return `rows ${from}:${to} of ${of}`;
}

/**
 * Checks the inputs without an answer. An exhausted budget or an unfinished batch is a normal end. Other missing
 * answers are noted up to the number that the study allows.
 *
 * @throws KnowledgeError if more are missing, after the other answers are saved
 */
export function checkMissing(study: Study, found: Found): void {
  const {onNote} = study;
  if ('pending' in found) {
    onNote(found.pending.message);
    return;
  }
  const {teacher, missing, total} = found;
  const pending = missing.filter(({error}) => error instanceof PendingError);
  if (pending.length > 0) onNote(`${pending.length} inputs have no answer yet. ${pending[0]!.error.message}`);
  const unpaid = missing.filter(({error}) => error instanceof BudgetError);
  if (unpaid.length > 0) onNote(`${unpaid.length} inputs were not sent to the teacher. ${unpaid[0]!.error.message}`);
  const others = missing.filter(one => !isUnasked(one));
  const saved = 'path' in found ? `The other answers are saved in ${found.path}.` : 'The other answers are kept.';
  checkAllowed(study, {teacher, missing: others, total}, saved);
}
