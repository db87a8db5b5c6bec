import {leavesOf} from '../ask/compose/parts.ts';
import {probeTeacher} from '../ask/probe/probe.ts';
import type {TeacherProbe} from '../ask/probe/teacher-probe.ts';
import {whileNotingEndings} from '../ask/provider/endings.ts';
import {inputAt} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {detailOfLevel} from '../recipe/methods.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {resolveRecipe} from '../recipe/resolve.ts';
import {DEFAULT_CACHE} from '../store/cache-path.ts';
import type {Access, Query} from '../teacher.ts';
import {furtherAskings, noteCost} from './probe-cost.ts';
import {openStudy, STUDY, type Study, type StudyOptions} from './study.ts';

export interface StudyProbeOptions extends Omit<StudyOptions, 'directory' | 'workers' | 'drift' | 'lane'> {
  /**
   * Inputs of the transfer set that each teacher is asked about, twice.
   *
   * @default 5
   */
  readonly questions?: number;
  /**
   * Whose teachers are tried out.
   *
   * @default all that the recipe's methods learn from
   */
  readonly levels?: readonly Access[];
  /**
   * Asks with shorter prompts as well: the least share of labels that must be the same, between 0 and 1, for example 0.98.
   *
   * @default the teachers' own prompts alone
   */
  readonly promptAgreement?: number | undefined;
}

const {directory: _, workers: __, drift: ___, lane: ____, ...SHARED} = STUDY;
const KINDS = {
  ...SHARED,
  questions: kinds.number,
  levels: kinds.texts,
  promptAgreement: kinds.number,
} satisfies Shape<StudyProbeOptions>;

/** The true behaviour of one level's teacher. */
export interface LevelProbe extends TeacherProbe {
  readonly level: Access;
}

/** The true behaviour of a recipe's teachers. */
export interface StudyProbe {
  readonly name: string;
  readonly cache: string;
  /** In the order in which they were asked. */
  readonly levels: readonly LevelProbe[];
}

/**
 * Asks each teacher of a recipe a handful of queries, each twice. The first answers are kept, and served from the cache if
 * they are there; the second are always asked for, unless the record mode forbids that. A fault that can be known
 * beforehand is an error before the first request.
 *
 * @throws InputError if a method can't learn from what its level's teacher declares
 */
export async function probeStudy(recipe: Recipe, options: StudyProbeOptions = {}): Promise<StudyProbe> {
  checkOptions('probeStudy', options, KINDS);
  const {questions: count = 5, levels, promptAgreement, ...others} = options;
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new InputError(`Expected \`questions\` to be a whole number above 0, got ${count}.`);
  }
  if (promptAgreement !== undefined && !(promptAgreement > 0 && promptAgreement < 1)) {
    throw new InputError(`Expected \`promptAgreement\` to be a share between 0 and 1, got ${promptAgreement}.`);
  }
  const resolved = await resolveRecipe(recipe);
  const chosen = levels ?? resolved.levels;
  const study = await openStudy(resolved, chosen, {...others, packsOpen: true});
  try {
    const teachers = chosen.map(access => study.teacherOf(access));
    const repeats = others.record === undefined || others.record === 'new' || others.record === 'all';
    const probes = await whileNotingEndings(teachers, others.record === 'none' ? {} : study, async () => {
      const done: LevelProbe[] = [];
      for (const access of chosen) done.push(await probeLevel(study, access, {count, repeats, promptAgreement}));
      return done;
    });
    return {name: recipe.name, cache: others.cache ?? DEFAULT_CACHE, levels: probes};
  } finally {
    await study.close();
  }
}

interface LevelOptions extends Pick<StudyProbeOptions, 'promptAgreement'> {
  readonly count: number;
  readonly repeats: boolean;
}

async function probeLevel(
  study: Study,
  access: Access,
  {count, repeats, promptAgreement}: LevelOptions,
): Promise<LevelProbe> {
  const {recipe, asking, signal, onProgress} = study;
  const {inputs} = recipe.drawn;
  const teacher = study.teacherOf(access);
  const queries = Array.from(
    {length: Math.min(count, inputs.count)},
    (_, index): Query => ({
      input: inputAt(inputs, index),
    }),
  );
  const parts = new Set(leavesOf(teacher, teacher.detail).map(leaf => leaf.teacher));
  const cost = {parts: [...parts], queries: queries.length, promptAgreement};
  if (repeats) noteCost(study, teacher, cost);
  const askings = parts.size * (repeats ? 2 : 1) + (repeats ? furtherAskings(cost) : 0);
  const [task, total] = [`probe ${access}`, askings * queries.length];
  let done = 0;
  const tell = (now: number) => onProgress({task, done: now, total});
  tell(0);
  const probe = await probeTeacher(asking, teacher, {
    queries,
    needed: detailOfLevel(recipe.methods, access),
    inputs: inputs.count,
    repeats,
    promptAgreement,
    ...(signal && {signal}),
    onSettled(settled) {
      done = Math.min(done + settled, total - 1);
      tell(done);
    },
  });
  tell(total);
  return {level: access, ...probe};
}
