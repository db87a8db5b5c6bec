import {partName, type Run} from './run.ts';
import type {NewJob} from './server.ts';

/** A range of rows of one part of a run. */
export interface RangeJob {
  /** Index in the parts of the run. */
  readonly part: number;
  readonly from: number;
  readonly to: number;
}

/** What is kept of an answered range. */
export interface RangeResult {
  readonly answered: number;
  /** Of these, answers that were bought now. */
  readonly bought: number;
  readonly missing: readonly MissingRows[];
}

/** Inputs that got no answer, for one reason. */
export interface MissingRows {
  readonly reason: string;
  /** True if the budget ended before them. */
  readonly isUnpaid: boolean;
  /** Indices in the transfer set, which counts each version. */
  readonly rows: readonly number[];
}

/** The ranges of a run, in order. Their ids follow from their rows, so that none can be added twice. */
export function* rangesOf({name, origin, range}: Run): Generator<NewJob<RangeJob>> {
  for (const [part, about] of origin.parts.entries()) {
    for (let from = 0; from < about.inputs; from += range) {
      const to = Math.min(from + range, about.inputs);
      yield {
        name: `${name} ${partName(about)} rows ${from}:${to}`,
        data: {part, from, to},
        opts: {jobId: `${part}-${from}-${to}`, stackTraceLimit: 1},
      };
    }
  }
}

/** How many ranges a run has. */
export function countRanges({origin, range}: Pick<Run, 'origin' | 'range'>): number {
  return origin.parts.reduce((sum, {inputs}) => sum + Math.ceil(inputs / range), 0);
}

/** How many queries a run has. */
export function countQueries({origin}: Pick<Run, 'origin'>): number {
  return origin.parts.reduce((sum, {inputs, versions}) => sum + inputs * versions, 0);
}
