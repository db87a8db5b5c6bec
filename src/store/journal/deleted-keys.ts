import {appendFileSync, existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {journalFailure} from './segment.ts';

/**
 * The times at which answers were deleted from a store, by key. Deleted answers must not come back from its journal.
 */
export type DeletedKeys = ReadonlyMap<string, number>;

const NAME = 'deleted.jsonl';

/** Records that answers were deleted. Only a journal could bring them back, so nothing is recorded without one. */
export function writeDeleted(journal: string, keys: readonly string[]): void {
  if (!existsSync(journal)) return;
  const at = new Date().toISOString();
  // Each entry begins on a new line, because another process may have left a torn one.
  const lines = keys.map(key => `\n${JSON.stringify({key, at})}\n`);
  try {
    appendFileSync(join(journal, NAME), lines.join(''), {flush: true});
  } catch (error) {
    throw journalFailure(journal, 'written', error);
  }
}

/** @throws AnswerStoreError if they can't be read */
export function readDeleted(journal: string): DeletedKeys {
  const path = join(journal, NAME);
  try {
    if (!existsSync(path)) return new Map();
    return new Map(readFileSync(path, 'utf8').split('\n').flatMap(parsed));
  } catch (error) {
    throw journalFailure(journal, 'read', error);
  }
}

/** Returns nothing for a torn line, or for the empty lines between entries. */
function parsed(line: string): [key: string, at: number][] {
  try {
    const {key, at} = JSON.parse(line) as {readonly key: string; readonly at: string};
    return [[key, Date.parse(at)]];
  } catch {
    return [];
  }
}
