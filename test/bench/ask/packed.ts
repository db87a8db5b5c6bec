/** The inputs a minute under a limit of requests: one a request, and packed. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {OpenAiOptions} from '../../../adapters/openai.ts';
import {built, queries, startService} from './library.ts';

const {openai} = await built<typeof import('../../../adapters/openai.ts')>('adapters/openai.js');
const {openAsking} = await built<typeof import('../../../src/ask/asking.ts')>('src/ask/asking.js');
const {askEach} = await built<typeof import('../../../src/ask/batches.ts')>('src/ask/batches.js');

const CLASSES = Array.from({length: 10}, (_, index) => `class ${index}`);

export interface PackedSpeeds {
  /** Inputs a minute. */
  readonly alone: number;
  readonly packed: number;
}

/**
 * @param perMinute - the requests that the service takes
 * @param requests - of each part
 */
export async function measurePacked(perMinute: number, requests: number, pack: number): Promise<PackedSpeeds> {
  const service = await startService('limited-service.ts', String(perMinute));
  const inputsPerMinute = async (size: number) => {
    const inputs = size * requests;
    const rate = {requestsPerMinute: perMinute};
    const options: OpenAiOptions<'label'> = {model: 'm', classes: CLASSES, output: 'label', key: 'k', rate};
    const begun = performance.now();
    await askAbout({...options, url: service.url, pack: size}, inputs);
    return (60_000 * inputs) / (performance.now() - begun);
  };
  const alone = await inputsPerMinute(1);
  const packed = await inputsPerMinute(pack);
  service.close();
  return {alone, packed};
}

async function askAbout(options: OpenAiOptions<'label'>, inputs: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-bench-'));
  const asking = await openAsking({cache: join(folder, 'answers.mdb'), journal: join(folder, 'journal')});
  await askEach(asking.open(openai(options)).teacher, queries(inputs), outcomes => {
    for (const outcome of outcomes) if ('error' in outcome) throw outcome.error;
  });
  await asking.close();
  await rm(folder, {recursive: true});
}
