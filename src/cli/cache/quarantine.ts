import {existsSync} from 'node:fs';
import {InputError} from '../../errors.ts';
import {journalOf} from '../../store/cache-path.ts';
import {noteOnSkipped, type Quarantined, readQuarantine} from '../../store/quarantine.ts';
import {openTerminal} from '../terminal.ts';
import type {CacheFlags} from './with-store.ts';

export function runQuarantineList({cache, json = false}: CacheFlags): void {
  const journal = journalOf(cache);
  if (!existsSync(journal)) {
    throw new InputError(
      `There is no journal at ${journal}, beside the cache. Give the path of the cache with --cache.`,
    );
  }
  const terminal = openTerminal({json});
  const {byKey, skipped} = readQuarantine(journal);
  const note = noteOnSkipped(skipped);
  if (note !== undefined) terminal.note(note);
  const rows = Array.from(byKey, ([key, entry]) => rowOf(key, entry));
  const text = [`${journal}: ${rows.length} quarantined`, ...rows.map(lineOf)].join('\n');
  terminal.result({journal, quarantined: rows, skipped}, text);
}

interface Row extends Omit<Quarantined, 'place' | 'said'> {
  readonly key: string;
  readonly said?: string;
  readonly nearest?: string;
}

function rowOf(key: string, {place: _, said, ...entry}: Quarantined): Row {
  return {key, ...entry, ...(said && {said: said.text, nearest: said.nearest})};
}

/** Entries of earlier versions hold only the reason. */
function lineOf({key, at, teacher, input, said, nearest, why}: Row): string {
  const head = [key.slice(0, 12), at, teacher, input === undefined ? undefined : JSON.stringify(input)];
  const what = said === undefined ? why : `says ${JSON.stringify(said)}, nearest class ${nearest}`;
  return `${head.filter(part => part !== undefined).join('  ')}\n  ${what}`;
}
