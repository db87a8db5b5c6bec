import {leavesOf} from '../ask/compose/parts.ts';
import {leastToShow, openPackingOf, packingOf} from '../ask/probe/packing-verdicts.ts';
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
import type {Access, Query, Teacher} from '../teacher.ts';
import {list} from './report/format.ts';
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
}

const {directory: _, workers: __, drift: ___, lane: ____, ...SHARED} = STUDY;
const KINDS = {...SHARED, questions: kinds.number, levels: kinds.texts} satisfies Shape<StudyProbeOptions>;

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
  const {questions: count = 5, levels, ...others} = options;
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new InputError(`Expected \`questions\` to be a whole number above 0, got ${count}.`);
  }
  const resolved = await resolveRecipe(recipe);
  const chosen = levels ?? resolved.levels;
  const study = await openStudy(resolved, chosen, {...others, packsOpen: true});
  try {
    const teachers = chosen.map(access => study.teacherOf(access));
    const repeats = others.record === undefined || others.record === 'new' || others.record === 'all';
    const probes = await whileNotingEndings(teachers, others.record === 'none' ? {} : study, async () => {
      const done: LevelProbe[] = [];
      for (const access of chosen) done.push(await probeLevel(study, access, {count, repeats}));
      return done;
    });
    return {name: recipe.name, cache: others.cache ?? DEFAULT_CACHE, levels: probes};
  } finally {
    await study.close();
  }
}

async function probeLevel(
  study: Study,
  access: Access,
  {count, repeats}: {readonly count: number; readonly repeats: boolean},
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
  noteCost(study, teacher, {parts: [...parts], queries: queries.length, repeats});
  const further = [...parts].reduce((sum, part) => sum + packAskings(part, queries.length).length, 0);
  const askings = parts.size * (repeats ? 2 : 1) + (repeats ? further : 0);
  const [task, total] = [`probe ${access}`, askings * queries.length];
  let done = 0;
  const tell = (now: number) => onProgress({task, done: now, total});
  tell(0);
  const probe = await probeTeacher(asking, teacher, {
    queries,
    needed: detailOfLevel(recipe.methods, access),
    inputs: inputs.count,
    repeats,
    ...(signal && {signal}),
    onSettled(settled) {
      done = Math.min(done + settled, total - 1);
      tell(done);
    },
  });
  tell(total);
  return {level: access, ...probe};
}

interface Cost {
  readonly parts: readonly Teacher[];
  readonly queries: number;
  readonly repeats: boolean;
}

/** Tells the cost beforehand. */
function noteCost({onNote}: Study, {name}: Teacher, {parts, queries, repeats}: Cost): void {
  const services = parts.filter(({service}) => service !== undefined);
  if (services.length === 0 || !repeats) return;
  const callsOf = (teacher: Teacher) => {
    const batches = Math.ceil(queries / teacher.maxBatch);
    const further = packAskings(teacher, queries).reduce((sum, size) => sum + Math.ceil(queries / size), 0);
    return 2 + 2 * batches + (teacher.questions ? batches : 0) + further;
  };
  const calls = services.reduce((sum, service) => sum + callsOf(service), 0);
  const often = services.some(packingOf) ? 'twice in packs and twice alone' : 'twice';
  const sizes = [...new Set(services.flatMap(service => sizesTried(service, queries)))];
  onNote(
    `${name} is asked about ${queries} inputs, each ${often}${inPacksText(sizes)}, in about ${calls} requests. The first answers are kept ` +
      'for later. `--budget` sets the most that this may take; `--offline` looks at what is kept alone.',
  );
}

/** The further times that a probe asks about each input, each by the inputs of a request; of open packs at most. */
function packAskings(teacher: Teacher, queries: number): readonly number[] {
  return packingOf(teacher) ? [1, 1] : sizesTried(teacher, queries);
}

/** At most. */
function sizesTried(teacher: Teacher, queries: number): readonly number[] {
  const {choices = [], agreement = 1} = openPackingOf(teacher) ?? {};
  return queries < leastToShow(agreement) ? [] : choices;
}

function inPacksText(sizes: readonly number[]): string {
  return sizes.length === 0 ? '' : ` alone, and in packs of ${list(sizes.map(String))} until a size fails`;
}
