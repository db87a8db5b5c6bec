import {withoutFeatures} from '../../knowledge/coarsen.ts';
import type {Access, Detail, Outcome, Part, Query, Teacher} from '../../teacher.ts';
import {withBatches} from '../batches.ts';
import type {LayeredTeacher, LayerOptions} from '../layer.ts';

/** Puts layers around a teacher that is not made of others. */
export type Layers = <A extends Access>(teacher: Teacher<A>) => LayeredTeacher<A>;

/** Puts layers around a teacher; around each of its parts, where it is made of others. */
export function layeredBy<A extends Access>(layers: Layers, teacher: Teacher<A>): LayeredTeacher<A> {
  const {parts} = teacher;
  if (parts === undefined) return layers(teacher);
  return parts.compose(parts.teachers.map(part => layeredBy(layers, part.teacher)));
}

/** A teacher that is not made of others, and what one that is asks it. */
export interface Leaf extends Required<Pick<Part, 'teacher' | 'detail' | 'samples' | 'least' | 'further'>> {
  /** What it is asked about once, instead of what the whole is asked about. */
  readonly beforehand?: readonly Query[];
  /** What it is asked about one query: `samples` queries, of which the first `least` are asked in any case. */
  queriesFor(query: Query): Promise<readonly Query[]>;
}

/**
 * The teachers that are asked when a teacher is: itself, where it is not made of others. One that is asked something
 * beforehand is there twice, first with that.
 *
 * @param detail - the least that the whole's answers must hold
 */
export function leavesOf(teacher: Teacher, detail: Detail): readonly Leaf[] {
  const {parts} = teacher;
  if (parts === undefined) {
    return [{teacher, detail, samples: 1, least: 1, further: 0, queriesFor: async query => [query]}];
  }
  return parts.teachers.flatMap(part => {
    const leaves = leavesOf(part.teacher, detailOfPart(part));
    const {beforehand} = part;
    // What a part within is asked beforehand is asked once, however often the part itself is asked.
    const once = leaves.filter(leaf => leaf.beforehand !== undefined).map(leaf => sureOnlyIf(part, leaf));
    const others = leaves.filter(leaf => leaf.beforehand === undefined);
    const first = beforehand ? others.map(leaf => sureOnlyIf(part, {...leaf, beforehand})) : [];
    return [...once, ...first, ...others.map(leaf => leafWithin(part, leaf))];
  });
}

/** A part that may not be asked at all may not be asked beforehand either. */
function sureOnlyIf({least}: Part, leaf: Leaf): Leaf {
  return least === 0 ? {...leaf, least: 0} : leaf;
}

/** A leaf of a part's teacher as one of the whole's. */
function leafWithin(part: Part, leaf: Leaf): Leaf {
  const {samples = 1, least = samples, further = 0} = part;
  return {
    ...leaf,
    samples: samples * leaf.samples,
    least: least * leaf.least,
    // Each query of a search leads to as many as any other.
    further: (samples + further) * (leaf.samples + leaf.further) - samples * leaf.samples,
    async queriesFor(query) {
      // Samples of samples: those of the inner one are counted on through those of the outer.
      const asked = await Promise.all((await samplesOf(part, query)).map(leaf.queriesFor));
      const sure = asked.slice(0, least).flatMap(some => some.slice(0, leaf.least));
      return [...sure, ...asked.flatMap((some, index) => some.slice(index < least ? leaf.least : 0))];
    },
  };
}

function detailOfPart({teacher, detail = withoutFeatures(teacher.detail)}: Part): Detail {
  return detail;
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

/** Asks a part about any number of queries, whichever; outcomes are in their order. */
export type AskPart = (queries: readonly Query[], options: LayerOptions) => Promise<readonly Outcome[]>;

/** @param teacher - the part's teacher, with layers around it or without */
export function askerOf(part: Part, teacher: Teacher): AskPart {
  const batches = withBatches(teacher);
  const detail = detailOfPart(part);
  // A request belongs to the layers of the part: its rows would mean nothing to whoever asks the whole.
  return (queries, {exchange: _, ...options}) => batches.ask(queries, {...options, detail});
}
