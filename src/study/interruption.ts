import {mkdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {z} from 'zod';
import type {Interruption} from '../ask/keep/earlier-purchases.ts';

const schema = z.object({begun: z.iso.datetime()});

/** Tells from when a study was under way that has not come to its results; undefined if this process begins it. */
export async function interruptionOf(directory: string): Promise<Interruption | undefined> {
  const text = await readFile(markPath(directory), 'utf8').catch(() => '{}');
  try {
    const {begun} = schema.parse(JSON.parse(text));
    return {from: begun, until: new Date().toISOString()};
  } catch {
    // What was bought then counts as cached, as it does for any other study.
    return undefined;
  }
}

/** Marks that a study is under way. To be called before anything is asked. */
export async function markBegun(directory: string): Promise<void> {
  await mkdir(directory, {recursive: true});
  await writeFileAtomic(markPath(directory), `${JSON.stringify({begun: new Date().toISOString()})}\n`);
}

/** Marks that a study has its results. */
export async function markEnded(directory: string): Promise<void> {
  await rm(markPath(directory), {force: true});
}

function markPath(directory: string): string {
  return join(directory, 'begun.json');
}
