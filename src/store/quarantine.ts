import {appendFileSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {z} from 'zod';
import {withoutSecrets} from '../secrets.ts';
import {journalFailure} from './journal/segment.ts';
import type {ReplyLocation} from './stored-answer.ts';

/** A query whose reply could not be read twice. Entries of earlier versions hold `why` and `place` alone. */
export interface Quarantined {
  /** The error, as sentences. */
  readonly why: string;
  /** The location of the reply that could not be read. */
  readonly place?: ReplyLocation | undefined;
  /** ISO 8601. */
  readonly at?: string | undefined;
  /** Name of the teacher. */
  readonly teacher?: string | undefined;
  /** The beginning of the input, for people. */
  readonly input?: string | undefined;
  /** The teacher's output that is no class, cut, and the class with the nearest name. */
  readonly said?: {readonly text: string; readonly nearest: string} | undefined;
}

/** The quarantine in a file, and the lines of the file that can't be read. */
export interface QuarantineFile {
  readonly byKey: Map<string, Quarantined>;
  /** Lines that are no entries, as `path, line 3`. */
  readonly skipped: readonly string[];
}

const location = z.object({
  segment: z.string(),
  offset: z.int().min(0),
  length: z
    .int()
    .min(0)
    .max(2 ** 31),
});

/** A line gives the state of a key from now on: quarantined, or settled. */
const lineSchema = z.union([
  z.object({key: z.string(), settled: z.literal(true)}),
  z.object({
    key: z.string(),
    why: z.string(),
    place: location.optional(),
    at: z.string().optional(),
    teacher: z.string().optional(),
    input: z.string().optional(),
    said: z.object({text: z.string(), nearest: z.string()}).optional(),
  }),
]);

type Line = z.infer<typeof lineSchema>;

/** The file that earlier versions wrote, and the file that is written now. */
const FILES = ['set-aside.jsonl', 'quarantine.jsonl'] as const;

/**
 * Reads the quarantine in a journal's folder. A line that is no entry is skipped: another process may have been killed
 * while writing it.
 */
export function readQuarantine(directory: string): QuarantineFile {
  const byKey = new Map<string, Quarantined>();
  const skipped: string[] = [];
  for (const file of FILES) {
    const path = join(directory, file);
    for (const [index, text] of linesIn(path).entries()) {
      if (text === '') continue;
      const line = parse(text);
      if (line === undefined) skipped.push(`${path}, line ${index + 1}`);
      else apply(line, byKey);
    }
  }
  return {byKey, skipped};
}

/** The note about lines that can't be read; undefined if there are none. */
export function noteOnSkipped(skipped: readonly string[]): string | undefined {
  if (skipped.length === 0) return undefined;
  const more = skipped.length > 1 ? ` (and ${skipped.length - 1} more)` : '';
  return (
    `${skipped[0]}${more} can't be read as an entry of the quarantine and is skipped: it may be what a killed process left. ` +
    'A query that it was about is asked again.'
  );
}

/** The quarantined queries, in one file of the journal's folder that all processes append to. */
export class Quarantine {
  readonly byKey: ReadonlyMap<string, Quarantined>;
  readonly skipped: readonly string[];
  readonly #byKey: Map<string, Quarantined>;
  readonly #directory: string;

  constructor(directory: string) {
    const {byKey, skipped} = readQuarantine(directory);
    this.#directory = directory;
    this.#byKey = byKey;
    this.byKey = byKey;
    this.skipped = skipped;
  }

  /** @throws AnswerStoreError if it can't be written */
  add(key: string, entry: Quarantined): void {
    this.#append([{key, ...entry}]);
    this.#byKey.set(key, entry);
  }

  /** Takes these queries out of the quarantine. */
  settle(keys: readonly string[]): void {
    const known = keys.filter(key => this.#byKey.has(key));
    if (known.length > 0) this.#append(known.map(key => ({key, settled: true})));
    for (const key of known) this.#byKey.delete(key);
  }

  #append(lines: readonly Line[]): void {
    // Each entry begins on a new line, because another process may have left a torn one.
    const text = lines.map(line => `\n${withoutSecrets(JSON.stringify(line))}\n`).join('');
    try {
      appendFileSync(join(this.#directory, FILES[1]), text, {flush: true});
    } catch (error) {
      throw journalFailure(this.#directory, 'written', error);
    }
  }
}

function apply(line: Line, byKey: Map<string, Quarantined>): void {
  const {key, ...rest} = line;
  if ('settled' in rest) byKey.delete(key);
  else byKey.set(key, rest);
}

function linesIn(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function parse(text: string): Line | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
