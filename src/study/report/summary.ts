import type {Level} from '../../levels.ts';
import type {Comparison, MethodResult, Results} from '../results.ts';
import {between, confidenceText, count, counted, levelName, list, percent, percentage, points} from './format.ts';
import {missingSentences, underfittedMethods, underfittedSentences, writtenSentences} from './sentences.ts';
import {ranked, rowsOf, spreadOf} from './spread.ts';

/** The findings of a study, in plain sentences without markup. */
export interface Summary {
  readonly headline: string;
  /** One a level of access that took part, from the least to the most seen. */
  readonly levels: readonly {readonly level: Level; readonly sentence: string}[];
  /** Cautions that a reader must know before using the numbers. */
  readonly cautions: readonly string[];
}

/** From the least to the most seen. */
export const LEVELS: readonly Level[] = ['none', 'black-box', 'gray-box', 'white-box'];

/** Says what each level of access was worth, with the uncertainty that the study leaves. */
export function summarise(results: Results): Summary {
  const levels = LEVELS.flatMap(level => bestOfLevel(results, level) ?? []);
  return {
    headline: headline(results, levels),
    levels: levels.map(method => ({level: method.level, sentence: levelSentence(results, method)})),
    cautions: cautions(results),
  };
}

/** The method that every comparison is held against; undefined if nothing was compared. */
export function baselineName(results: Results): string | undefined {
  return results.methods.find(({versusLabels}) => versusLabels !== undefined)?.versusLabels?.baseline;
}

/** The methods that were compared with another one. A baseline held against itself says nothing and is left out. */
export function comparedMethods(results: Results): readonly (MethodResult & {readonly versusLabels: Comparison})[] {
  return results.methods.filter(
    (method): method is MethodResult & {readonly versusLabels: Comparison} =>
      method.versusLabels !== undefined && method.versusLabels.baseline !== method.method,
  );
}

/** `98.8 % interval 1.10 to 1.72` */
function intervalText({interval, confidence}: Comparison): string {
  return `${confidenceText(confidence)} interval ${between(interval)}`;
}

/** Whether a verdict says that methods differ. */
export function isClaim(verdict: Comparison['verdict']): boolean {
  return verdict === 'better' || verdict === 'worse';
}

/** The method of a level that agrees most with the teacher; undefined if the level has none. */
export function bestOfLevel(results: Results, level: Level): MethodResult | undefined {
  const own = results.methods.filter(method => method.level === level);
  return ranked(own, method => spreadOf(results, method, 'agreement').mean)[0] ?? own[0];
}

function headline(results: Results, levels: readonly MethodResult[]): string {
  const baseline = baselineName(results);
  if (baseline === undefined) return 'No method was compared with another one.';
  const better = comparedMethods(results)
    .filter(({versusLabels}) => versusLabels.verdict === 'better')
    .toSorted((a, b) => b.versusLabels.difference - a.versusLabels.difference);
  const best = better[0];
  if (best === undefined)
    return `No method is shown to agree with the teacher more often than “${baseline}”.${doubt(results)}`;
  return `“${best.method}” (${levelName(best.level)}) agrees with the teacher ${difference(best.versusLabels)} than “${baseline}”.${apart(levels)}`;
}

/** Says that a study of underfitted methods can't tell. */
export function doubt(results: Results): string {
  const {length} = underfittedMethods(results);
  if (length === 0) return '';
  const methods = counted(results.methods.length, 'method');
  const who = length === results.methods.length ? `All ${methods}` : `${count(length)} of ${methods}`;
  return ` ${who} may be underfitted: longer training may show a difference.`;
}

/** Whether the two best levels can be told from each other: the study compares each with the baseline only. */
function apart(levels: readonly MethodResult[]): string {
  const [first, second] = levels
    .filter(({versusLabels}) => versusLabels?.verdict === 'better')
    .toSorted((a, b) => b.versusLabels!.difference - a.versusLabels!.difference);
  if (first?.versusLabels === undefined || second?.versusLabels === undefined) return '';
  const overlap = second.versusLabels.interval[1] >= first.versusLabels.interval[0];
  const pair = `${levelName(second.level)} (“${second.method}”)`;
  return overlap
    ? ` Its interval overlaps that of ${pair}, so this study does not settle which of the two is closer.`
    : ` Its interval lies above that of ${pair}.`;
}

function levelSentence(results: Results, method: MethodResult): string {
  const agreement = spreadOf(results, method, 'agreement').mean;
  if (!Number.isFinite(agreement)) return `“${method.method}” has no result for every seed.`;
  const {mean: accuracy} = spreadOf(results, method, 'accuracy');
  const right = results.truth === 'labels' ? ` and is right on ${percentage(accuracy)}` : '';
  const start = `“${method.method}” agrees with the teacher on ${percentage(agreement)} of test inputs${right}`;
  const comparison = method.versusLabels;
  if (method.method === baselineName(results)) return `${start}. The others are measured against it.`;
  if (comparison === undefined) return `${start}.`;
  if (!Number.isFinite(comparison.difference))
    return `${start}. It could not be compared with “${comparison.baseline}”.`;
  const names = underfittedMethods(results).map(({method: name}) => name);
  const isInDoubt = names.includes(method.method) || names.includes(comparison.baseline);
  return `${start}. ${comparisonSentence(comparison)}${isInDoubt ? ' Students that may be underfitted took part in this comparison.' : ''}`;
}

function comparisonSentence(comparison: Comparison): string {
  const {baseline, verdict, between: compared, detectable} = comparison;
  const found = `${points(comparison.difference)} points (${intervalText(comparison)})`;
  if (compared === 'students')
    return `One seed is too few to say whether the method differs from “${baseline}”. Between these very students the difference is ${found}, over other inputs like the test set.`;
  if (verdict === 'too few seeds to say')
    return `There are too few seeds to say whether it differs from “${baseline}”: ${found}.`;
  if (verdict === 'no difference shown')
    return `No difference in agreement from “${baseline}” is shown: ${found}. One of ${percent(detectable)} points would be found in 4 of 5 such studies.`;
  return `It agrees ${difference(comparison)} than “${baseline}”.`;
}

/** `1.41 points more often (95 % interval +1.10 to +1.72)` */
function difference(comparison: Comparison): string {
  const way = comparison.difference < 0 ? 'less' : 'more';
  return `${percent(Math.abs(comparison.difference))} points ${way} often (${intervalText(comparison)})`;
}

function cautions(results: Results): readonly string[] {
  const all = [truthCaution, failureCaution, budgetCaution, seedCaution, pairCaution, choiceCaution, comparisonCaution];
  return [
    ...underfittedSentences(results),
    ...writtenSentences(results),
    ...missingSentences(results),
    ...all.flatMap(caution => caution(results) ?? []),
  ];
}

function truthCaution({truth}: Results): string | undefined {
  if (truth === 'labels') return undefined;
  return 'There are no true labels: all is measured by what the teacher says, which may be wrong.';
}

export function failureCaution({failures}: Pick<Results, 'failures'>): string | undefined {
  if (failures.length === 0) return undefined;
  const named = failures.map(({method, seed, reason}) => `“${method}”, seed ${seed}: ${reason}`);
  return `${counted(failures.length, 'run')} failed, and their methods are compared by the seeds that are left, if there are any. Seeds that fail may not be like the others. ${named.join(' ')}`;
}

function budgetCaution(results: Results): string | undefined {
  const budgets = [...new Set(results.rows.map(({budget}) => budget))].toSorted((a, b) => a - b);
  if (budgets.length < 2) return undefined;
  return `The methods did not learn from equally many answers (${count(budgets[0]!)} to ${count(budgets.at(-1)!)}): part of a difference may be the budget’s.`;
}

export function seedCaution({seeds}: Pick<Results, 'seeds'>): string | undefined {
  if (seeds.length > 2) return undefined;
  return seeds.length === 1
    ? 'Each student was trained once. How far another seed would move these numbers is not known, and no interval here covers it.'
    : `${counted(seeds.length, 'seed')} a method show little of how far trainings differ.`;
}

function pairCaution(results: Results): string | undefined {
  const unpaired = comparedMethods(results).filter(({versusLabels}) => !versusLabels.paired);
  if (unpaired.length === 0) return undefined;
  return `${list(unpaired.map(({method}) => `“${method}”`))} shared fewer than two seeds with “${baselineName(results)}”: that comparison is not paired by seed.`;
}

function choiceCaution(results: Results): string | undefined {
  const crowded = LEVELS.filter(level => results.methods.filter(method => method.level === level).length > 1);
  if (crowded.length === 0) return undefined;
  return `Where a level has several methods (${list(crowded.map(levelName))}), the one that agrees most on the test set is named. That favours such a level a little.`;
}

function comparisonCaution(results: Results): string | undefined {
  if (results.budgets && results.verdicts) {
    return `The study makes ${counted(results.verdicts.length, 'comparison')}: each pair of methods over all budgets and at each. The chance that any verdict is false is held to 5\u00a0%. Each interval has the confidence that its comparison was judged at. The sentences about levels are about the largest budget.`;
  }
  const compared = comparedMethods(results).length;
  if (compared < 2) return undefined;
  return `The study makes ${counted(compared, 'comparison')}. Their verdicts are corrected for that (Holm): the chance that any of them is false is held to 5\u00a0%. Each interval has the confidence that its comparison was judged at, so it leaves 0 out exactly if there is a verdict.`;
}

/** Says in a sentence what was compared. */
export function setting(results: Results): string {
  const {methods, seeds, students, teacher} = results;
  const learned = new Set(methods.flatMap(method => rowsOf(results, method).map(({budget}) => budget)));
  const [budget] = learned;
  const few = results.budgets?.sizes[0];
  const answers = learned.size === 1 ? ` and ${few ? `${count(few)} to ` : ''}${counted(budget!, 'answer')}` : '';
  const sizes = students.map(({parameters}) => counted(parameters, 'parameter'));
  const student = sizes.length === 1 ? `One student of ${sizes[0]!}` : `The better of students of ${list(sizes)}`;
  return `${student}, taught in ${counted(methods.length, 'way')} what “${teacher.name}” knows, with ${counted(seeds.length, 'seed')}${answers} each.`;
}
