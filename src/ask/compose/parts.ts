import {satisfies, withoutFeatures} from '../../knowledge/coarsen.ts';
import type {Access, Detail, Outcome, Part, Query, Teacher} from '../../teacher.ts';
import {haltAfter, withBatches} from '../batches.ts';
import type {LayeredTeacher, LayerOptions} from '../layer.ts';

/** Puts layers around a teacher that is not composed of others. */
export type Layers = <A extends Access>(teacher: Teacher<A>) => LayeredTeacher<A>;

/** Puts layers around a teacher; if it is composed of others, around each of its parts. */
export function layeredBy<A extends Access>(layers: Layers, teacher: Teacher<A>): LayeredTeacher<A> {
  const {parts} = teacher;
  if (parts === undefined) return layers(teacher);
  return parts.compose(parts.teachers.map(part => layeredBy(layers, part.teacher)));
}

/**
 * The same teacher with others in the place of some that it is asked through. If one is replaced, the identities of its parts
 * become part of its own.
 *
 * @param replace - gives a teacher that is not composed of others, or the one in its place
 */
export function withLeaves<A extends Access>(teacher: Teacher<A>, replace: Replace): Teacher<A> {
  const {parts} = teacher;
  if (parts === undefined) return replace(teacher);
  const replaced = parts.teachers.map(part => ({...part, teacher: withLeaves(part.teacher, replace)}));
  if (replaced.every(({teacher: other}, index) => other === parts.teachers[index]!.teacher)) return teacher;
  const teachers = replaced.map(part => part.teacher);
  return {
    ...parts.compose(teachers),
    identity: {...teacher.identity, parts: teachers.map(({identity}) => identity)},
    parts: {...parts, teachers: replaced},
  };
}

type Replace = <A extends Access>(teacher: Teacher<A>) => Teacher<A>;

/** A teacher that is not composed of others, and the queries that a composed teacher asks it. */
export interface Leaf extends Required<Pick<Part, 'teacher' | 'detail' | 'samples' | 'least' | 'further'>> {
  /** Queries that are asked once, instead of the queries of the whole. */
  readonly beforehand?: readonly Query[];
  /** The queries that follow from one query: `samples` of them. The first `least` are always asked. */
  queriesFor(query: Query): Promise<readonly Query[]>;
}

/**
 * The teachers that are asked when a teacher is: itself, if it is not composed of others. A leaf with queries
 * beforehand is there twice, first with those.
 *
 * @param detail - the least that the whole's answers must hold
 */
export function leavesOf(teacher: Teacher, detail: Detail): readonly Leaf[] {
  const {parts} = teacher;
  if (parts === undefined) {
    return [{teacher, detail, samples: 1, least: 1, further: 0, queriesFor: async query => [query]}];
  }
  return parts.teachers.flatMap(part => {
    const leaves = leavesOf(part.teacher, detailOfPart(part, detail));
    const {beforehand} = part;
    // An inner part's queries beforehand are asked once, however often the part itself is asked.
    const once = leaves.filter(leaf => leaf.beforehand !== undefined).map(leaf => sureOnlyIf(part, leaf));
    const others = leaves.filter(leaf => leaf.beforehand === undefined);
    const first = beforehand ? others.map(leaf => sureOnlyIf(part, {...leaf, beforehand})) : [];
    return [...once, ...first, ...others.map(leaf => leafWithin(part, leaf))];
  });
}

/** If a part is not always asked, its queries beforehand are not always asked either. */
function sureOnlyIf({least}: Part, leaf: Leaf): Leaf {
  return least === 0 ? {...leaf, least: 0} : leaf;
}

/** A leaf of a part's teacher as a leaf of the whole. */
function leafWithin(part: Part, leaf: Leaf): Leaf {
  const {samples = 1, least = samples, further = 0} = part;
  return {
    ...leaf,
    samples: samples * leaf.samples,
    least: least * leaf.least,
    // Each query of a search leads to as many queries as any other.
    further: (samples + further) * (leaf.samples + leaf.further) - samples * leaf.samples,
    async queriesFor(query) {
      // Samples of samples: the count of the inner ones continues through the outer ones.
      const asked = await Promise.all((await samplesOf(part, query)).map(leaf.queriesFor));
      const sure = asked.slice(0, least).flatMap(some => some.slice(0, leaf.least));
      return [...sure, ...asked.flatMap((some, index) => some.slice(index < least ? leaf.least : 0))];
    },
  };
}

function detailOfPart(
  {teacher, detail = withoutFeatures(teacher.detail), followsWhole = false}: Part,
  whole: Detail | undefined,
): Detail {
  return followsWhole && whole && satisfies(whole, detail) ? whole : detail;
}

/**
 * A query as a part is asked about it.
 *
 * @param from - the first of these samples
 * @param to - the one after the last
 * @default all of them
 */
export async function samplesOf(
  {samples = 1, put = query => query}: Pick<Part, 'samples' | 'put'>,
  query: Query,
  from = 0,
  to: number = samples,
): Promise<readonly Query[]> {
  if (samples === 1) return [await put(query)];
  const first = samples * (query.sample ?? 0);
  return Promise.all(Array.from({length: to - from}, (_, index) => put({...query, sample: first + from + index})));
}

/**
 * Tells of a query when all its samples have an outcome.
 *
 * @param each - how many samples each query has
 */
export function byWholes(each: number, onSettled: LayerOptions['onSettled']): LayerOptions['onSettled'] {
  if (onSettled === undefined) return undefined;
  let settled = 0;
  return count => {
    const before = Math.floor(settled / each);
    settled += count;
    onSettled(Math.floor(settled / each) - before);
  };
}

/** Asks a part about any number of queries. Outcomes are in their order. */
export type AskPart = (queries: readonly Query[], options: LayerOptions) => Promise<readonly Outcome[]>;

/** @param teacher - the part's teacher, with layers around it or without */
export function askerOf(part: Part, teacher: Teacher): AskPart {
  const batches = withBatches(teacher);
  // A request belongs to the layers of the part, so its rows would mean nothing to the caller of the whole.
  return (queries, {exchange: _, detail, ...options}) =>
    batches.ask(queries, {...options, detail: detailOfPart(part, detail)});
}

/**
 * Asks all parts at once. Row i holds the outcomes of part i. A query has an outcome when every part has one for it. If
 * a part can't be asked, requests of the others that are under way finish, so that their answers are kept.
 */
export async function askTogether(
  queries: readonly Query[],
  parts: readonly AskPart[],
  options: LayerOptions,
): Promise<readonly (readonly Outcome[])[]> {
  const {onSettled, ...others} = options;
  const settled = parts.map(() => 0);
  let told = 0;
  const tell = (least: number) => {
    if (least > told) onSettled?.(least - told);
    told = Math.max(told, least);
  };
  const asked = await allAtOnce(
    parts.map((ask, index) => (own: LayerOptions) => {
      const onPart = (count: number) => {
        settled[index]! += count;
        tell(Math.min(...settled));
      };
      return ask(queries, {...own, onSettled: onPart});
    }),
    others,
  );
  tell(queries.length);
  return asked;
}

/** Makes calls at once. If one fails, requests of the others that are under way finish, so that their answers are kept. */
export async function allAtOnce<T>(
  calls: readonly ((options: LayerOptions) => Promise<T>)[],
  {stop, ...options}: LayerOptions,
): Promise<readonly T[]> {
  const halt = haltAfter(stop, options.signal);
  const results: T[] = [];
  let ended = 0;
  await Promise.all(
    calls.map(async (call, index) => {
      try {
        results[index] = await call({...options, stop: halt.signal});
        ended++;
      } catch (error) {
        halt.fail(error);
      }
    }),
  );
  halt.end(ended === calls.length);
  return results;
}
