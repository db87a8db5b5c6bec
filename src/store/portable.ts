import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {pipeline} from 'node:stream/promises';
import {createGunzip, createGzip} from 'node:zlib';
import {readLines, replaceFile} from '../data/files.ts';
import {KnowledgeError} from '../errors.ts';
import type {AnswerEntry, AnswerStore, StoredAnswer} from './store.ts';
import {fuller, pack, problemWith, revive} from './stored-answer.ts';

const FORMAT = 'limbeck.answers/1';
/** How many answers go into a store at once, and how many characters of them. */
const BATCH = 1000;
const BATCH_LENGTH = 2 ** 24;
/** Characters of an answer's line: enough for 3 million numbers. A file made to fill the memory has longer lines. */
const LONGEST_LINE = 2 ** 24;

/**
 * Writes kept answers to one portable file: gzipped lines of JSON. The first holds the format. Each further line holds
 * an answer, with its typed arrays in base64. The last line holds the number of answers and the SHA-256 of the lines
 * before. The location of the raw reply is left out, because it means nothing on another machine.
 *
 * @param wanted - which answers; @default all
 * @returns how many
 * @throws KnowledgeError if it can't be written
 */
export async function exportAnswers(
  store: AnswerStore,
  path: string,
  wanted: (entry: AnswerEntry) => boolean = () => true,
): Promise<number> {
  let count = 0;
  await replaceFile(path, async file => {
    const lines = async function* (): AsyncGenerator<string> {
      const hash = createHash('sha256');
      const hashed = (line: string) => {
        hash.update(line);
        return line;
      };
      yield hashed(`${JSON.stringify({format: FORMAT})}\n`);
      for await (const entry of store.entries()) {
        if (!wanted(entry)) continue;
        count++;
        yield hashed(`${encode(entry)}\n`);
      }
      yield `${JSON.stringify({count, sha256: hash.digest('hex')})}\n`;
    };
    await pipeline(lines, createGzip(), async (bytes: AsyncIterable<Uint8Array>) => {
      for await (const some of bytes) await file.writeFile(some);
    });
  });
  return count;
}

/** The result of an import. */
export interface Imported {
  /** Answers in the file. */
  readonly answers: number;
  /** Of these, answers that the store did not hold, or not as fully. */
  readonly added: number;
}

/**
 * Reads a file of `exportAnswers` into a store. The whole file is checked before anything is added. A fuller answer in
 * the store stays.
 *
 * @throws KnowledgeError if the file can't be read, is cut short or damaged, or holds an invalid answer
 */
export async function importAnswers(store: AnswerStore, path: string): Promise<Imported> {
  let answers = 0;
  for await (const _ of entriesIn(path)) answers++;
  let added = 0;
  let batch: AnswerEntry[] = [];
  let batchLength = 0;
  const flush = async () => {
    const fresh = await fuller(store, batch);
    await store.setMany(fresh);
    added += fresh.length;
    batch = [];
    batchLength = 0;
  };
  for await (const {entry, length} of entriesIn(path)) {
    batch.push(entry);
    batchLength += length;
    if (batch.length === BATCH || batchLength >= BATCH_LENGTH) await flush();
  }
  await flush();
  return {answers, added};
}

/** The answers with the length of their lines. */
async function* entriesIn(path: string): AsyncGenerator<{readonly entry: AnswerEntry; readonly length: number}> {
  const hash = createHash('sha256');
  let count = -1;
  let isWhole = false;
  try {
    for await (const line of linesIn(path)) {
      const record = JSON.parse(line, revive) as Record<string, unknown>;
      if (count < 0) {
        checkFormat(path, record);
      } else if ('sha256' in record) {
        isWhole = record['count'] === count && record['sha256'] === hash.digest('hex');
        break;
      } else {
        const entry = record as unknown as AnswerEntry;
        const isEntry = typeof entry.key === 'string' && typeof entry.stored === 'object' && entry.stored !== null;
        const problem = isEntry ? problemWith(entry) : 'it is none';
        if (problem !== undefined) throw damage(path, `answer ${count + 1}: ${problem}`);
        yield {entry, length: line.length};
      }
      hash.update(`${line}\n`);
      count++;
    }
  } catch (error) {
    if (error instanceof KnowledgeError) throw error;
    const isTooMuch = error instanceof RangeError;
    throw damage(path, isTooMuch ? 'a line of it nests or holds too much' : (error as Error).message, error);
  }
  if (!isWhole) throw damage(path, 'it is cut short, or was changed');
}

function linesIn(path: string): AsyncIterable<string> {
  const unzipped = createGunzip();
  // A failure of the input is thrown by the output, which is read here.
  pipeline(createReadStream(path), unzipped).catch(() => {});
  return readLines(unzipped, LONGEST_LINE);
}

function checkFormat(path: string, {format}: Record<string, unknown>): void {
  if (format === FORMAT) return;
  throw damage(path, `its form is ${String(format)}, and this version of limbeck reads ${FORMAT}`);
}

function damage(path: string, reason: string, cause?: unknown): KnowledgeError {
  return new KnowledgeError(
    `${path} can't be imported: ${reason.replace(/[.?]$/, '')}. Export it again with \`limbeck cache export\`.`,
    cause === undefined ? {} : {cause},
  );
}

function encode({key, stored}: AnswerEntry): string {
  const {reply: _, ...portable}: StoredAnswer = stored;
  return JSON.stringify({key, stored: portable}, pack);
}
