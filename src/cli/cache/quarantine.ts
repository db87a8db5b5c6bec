import {existsSync} from 'node:fs';
import {Command} from 'commander';
import {InputError} from '../../errors.ts';
import {noteOnSkipped, type Quarantined, readQuarantine} from '../../store/quarantine.ts';
import {journalOf} from '../../study/study.ts';
import {openTerminal} from '../terminal.ts';
import {type CacheFlags, withFlags} from './with-store.ts';

/** `limbeck cache quarantine`: the queries whose replies could not be read. */
export function quarantineCommand(): Command {
  return new Command('quarantine')
    .description('look at the queries whose replies could not be read, which are not asked again')
    .addCommand(
      withFlags(new Command('list'))
        .description('list them: the input’s beginning, what the teacher said and the nearest class')
        .action(runList),
    );
}

function runList({cache, json = false}: CacheFlags): void {
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

/** Entries of earlier versions tell no more than why. */
function lineOf({key, at, teacher, input, said, nearest, why}: Row): string {
  const head = [key.slice(0, 12), at, teacher, input === undefined ? undefined : JSON.stringify(input)];
  const what = said === undefined ? why : `says ${JSON.stringify(said)}, nearest class ${nearest}`;
  return `${head.filter(part => part !== undefined).join('  ')}\n  ${what}`;
}
