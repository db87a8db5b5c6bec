import type {TransferSet} from '../data/split.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import {partOf} from '../recipe/transfer.ts';
import {rowsIn} from '../study/shard.ts';
import type {QuestionStudy} from '../study/studies.ts';
import type {Study} from '../study/study.ts';
import type {Access, Teacher} from '../teacher.ts';
import {digestOf} from '../train/fingerprint.ts';
import {packageVersion} from '../version.ts';
import {partName, type RunOrigin, type RunPart} from './run.ts';

/** Inputs of one digest: so many are in memory as JSON at once. */
const BLOCK = 4096;

/** The plans of a study that a run asks. */
export function plansOf({queryPlans}: Pick<ResolvedRecipe, 'queryPlans'>, level?: Access): readonly QueryPlan[] {
  return queryPlans.filter(plan => level === undefined || plan.level === level);
}

/**
 * The origin of a run, as this process has it.
 *
 * @param recipe - SHA-256 of the recipe's module
 * @throws InputError if a method chooses its inputs in rounds
 */
export function originOf(studies: readonly QuestionStudy[], recipe: string, level?: Access): RunOrigin {
  const parts = studies.flatMap(({question, study}) =>
    plansOf(study.recipe, level).map(plan => ({...(question && {question: question.name}), ...partFor(study, plan)})),
  );
  return {version: packageVersion(), recipe, parts};
}

function partFor(study: Study, plan: QueryPlan): RunPart {
  const {shards, transfer: draw, budgets} = study.recipe;
  const inputs = draw.size;
  rowsIn({from: 0, to: inputs}, study.recipe, [plan]);
  // What is in shards is not read: their digest and the draw decide it.
  const transfer = shards ? undefined : study.recipe.transferOf(plan);
  const {name, identity, service}: Teacher = study.teacherFor(plan);
  return {
    plan: plan.name,
    inputs,
    versions: transfer?.versions ?? 1,
    data: digestOf([
      plan.detail,
      transfer ? digestOfRows(transfer, inputs) : [shards!.digest, draw, budgets !== undefined],
    ]),
    teacher: {name, identity: digestOf([identity, service?.reader ?? null])},
  };
}

function digestOfRows(transfer: TransferSet, inputs: number): readonly string[] {
  const digests: string[] = [];
  for (let from = 0; from < inputs; from += BLOCK) {
    digests.push(digestOf(partOf(transfer, {from, to: Math.min(from + BLOCK, inputs)})));
  }
  return digests;
}

/** The name of a run in Redis. The same recipe, data, teachers and ranges give the same run on every machine. */
export function runId(origin: RunOrigin, range: number): string {
  return digestOf([origin, range]).slice(0, 12);
}

/**
 * How the origin of a run differs from one's own, with both values.
 *
 * @returns undefined if they are the same
 */
export function originDifference(run: RunOrigin, own: RunOrigin): string | undefined {
  return listed([
    ...differing('the version of limbeck', run.version, own.version),
    ...differing('the recipe', run.recipe, own.recipe, short),
    ...run.parts.flatMap((part, index) => partDifferences(part, own.parts[index])),
    ...differing('the number of query plans', String(run.parts.length), String(own.parts.length)),
  ]);
}

function partDifferences(part: RunPart, own: RunPart | undefined): readonly string[] {
  if (own === undefined) return [];
  const name = partName(part);
  if (name !== partName(own)) return differing('a query plan', name, partName(own));
  const dataOf = ({inputs, versions, data}: RunPart) => `${inputs * versions} queries, digest ${short(data)}`;
  const teachers = new Map([own, part].map(({teacher}) => [teacher.identity, teacher.name]));
  const teacherOf = (identity: string) => `${teachers.get(identity)}, digest of its identity ${short(identity)}`;
  return [
    ...differing(`the data of ${name}`, dataOf(part), dataOf(own)),
    ...differing(`the teacher of ${name}`, part.teacher.identity, own.teacher.identity, teacherOf),
  ];
}

/** What differs, with both values as they are shown; none if they are the same. */
export function differing(
  what: string,
  run: string,
  own: string,
  shown: (value: string) => string = value => value,
): readonly string[] {
  return run === own ? [] : [differenceOf(what, shown(run), shown(own))];
}

/** Differences in one clause; undefined if there are none. */
export function listed(differences: readonly string[]): string | undefined {
  return differences.length === 0 ? undefined : differences.join('; ');
}

export function differenceOf(what: string, run: string, own: string): string {
  return `${what} (${run} in the run, ${own} here)`;
}

/** The beginning of a digest, for people. */
export function short(digest: string): string {
  return digest.slice(0, 12);
}
