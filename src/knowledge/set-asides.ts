import {appendFileSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {withoutSecrets} from '../secrets.ts';
import {journalFailure} from './journal-file.ts';
import type {ReplyPlace} from './journal-reply.ts';

/** A question whose reply could not be read. */
export interface SetAside {
  readonly why: string;
  /** Where the reply is that could not be read. */
  readonly place?: ReplyPlace;
}

/** A line says what a key is from now on: set aside, or settled. */
type Line = {readonly key: string} & (SetAside | {readonly settled: true});

/** The questions that were set aside, in one file of the journal's folder that all processes append to. */
export class SetAsides {
  readonly byKey: ReadonlyMap<string, SetAside>;
  readonly #byKey: Map<string, SetAside>;
  readonly #directory: string;
  readonly #path: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, 'set-aside.jsonl');
    this.#byKey = readAll(this.#path);
    this.byKey = this.#byKey;
  }

  /** @throws AnswerStoreError where it can't be written down */
  add(key: string, setAside: SetAside): void {
    this.#append([{key, ...setAside}]);
    this.#byKey.set(key, setAside);
  }

  /** These questions are not set aside any more. */
  settle(keys: readonly string[]): void {
    const known = keys.filter(key => this.#byKey.has(key));
    if (known.length > 0) this.#append(known.map(key => ({key, settled: true})));
    for (const key of known) this.#byKey.delete(key);
  }

  #append(lines: readonly Line[]): void {
    // Each line begins a new one, since another process may have left a torn one.
    const text = lines.map(line => `\n${withoutSecrets(JSON.stringify(line))}\n`).join('');
    try {
      appendFileSync(this.#path, text, {flush: true});
    } catch (error) {
      throw journalFailure(this.#directory, 'written', error);
    }
  }
}

function readAll(path: string): Map<string, SetAside> {
  const byKey = new Map<string, SetAside>();
  for (const text of linesIn(path)) {
    const line = parse(text);
    if (line === undefined) continue;
    const {key, ...rest} = line;
    if ('settled' in rest) byKey.delete(key);
    else byKey.set(key, rest);
  }
  return byKey;
}

function linesIn(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined of a torn line, and of the empty ones between lines. */
function parse(text: string): Line | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}
