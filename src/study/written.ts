import {countWritten} from '../data/texts/written.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import {writtenSentences} from './report/sentences.ts';
import type {WrittenInputs} from './results.ts';

/** How many inputs of a study were written by a model; undefined if none. */
export function writtenInputs({data, drawn}: Pick<ResolvedRecipe, 'data' | 'drawn'>): WrittenInputs | undefined {
  const transfer = countWritten(drawn.inputs, data.written);
  const test = countWritten(data.test.inputs, data.written);
  return transfer + test > 0 ? {transfer, test} : undefined;
}

/** What a person must know before any number about written inputs; undefined if there are none. */
export function noteOnWritten(recipe: Pick<ResolvedRecipe, 'data' | 'drawn'>): string | undefined {
  const written = writtenInputs(recipe);
  return written && writtenSentences({written, sizes: {transfer: recipe.drawn.inputs.count}}).join(' ');
}
