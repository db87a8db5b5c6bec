/** The built library, as it is shipped, so that the tools of the tests don't slow it. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import type {Dispatcher} from 'undici';
import type {OpenInferenceOptions} from '../../../adapters/open-inference.ts';
import type {Query, Teacher} from '../../../src/teacher.ts';
import {checkBuilt} from '../../built.ts';

checkBuilt();
const dist = new URL('../../../dist/', import.meta.url);

/** A module of the built library. */
export async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(path, dist).href)) as Module;
}

const {openInference} = await built<typeof import('../../../adapters/open-inference.ts')>('adapters/open-inference.js');
const {openAsking} = await built<typeof import('../../../src/ask/asking.ts')>('src/ask/asking.js');
const {askEach} = await built<typeof import('../../../src/ask/batches.ts')>('src/ask/batches.js');

/** A service and the way to ask it. */
export interface Asked {
  readonly url: string;
  readonly maxBatch: number;
  readonly concurrency: number;
  /** @default the adapter's own connections */
  readonly dispatcher?: Dispatcher;
}

/** The output of the instant service. */
export const OUTPUT = 'log_probabilities';

/** A request about one text, as the adapter makes it. */
export function requestOf(text: string): object {
  const input = {name: 'input', datatype: 'BYTES', shape: [1, 1], parameters: {content_type: 'str'}, data: [text]};
  return {inputs: [input], outputs: [{name: OUTPUT}]};
}

/** Different texts, made on demand. */
export function* queries(count: number): Generator<Query, void> {
  for (let index = 0; index < count; index++) yield {input: {kind: 'text', text: textOf(index)}};
}

export const textOf = (index: number): string => `What is this, and what is it for? Number ${index}.`;

/** The instant service as a teacher. */
export function instantTeacher(asked: Asked): Teacher {
  const options: OpenInferenceOptions = {
    ...asked,
    model: 'instant',
    classes: Array.from({length: 10}, (_, index) => `class ${index}`),
  };
  return openInference({...options, service: 'instant', output: {logProbabilities: OUTPUT}});
}

/**
 * Asks about `count` texts through all layers, with the journal in a folder.
 *
 * @param cache - the path or the URL of the cache; by default it is in the folder
 * @returns the number of answers
 */
export async function askAll(
  asked: Asked,
  count: number,
  folder: string,
  cache = join(folder, 'answers.mdb'),
): Promise<number> {
  const asking = await openAsking({cache, journal: join(folder, 'journal')});
  let answers = 0;
  await askEach(asking.open(instantTeacher(asked)).teacher, queries(count), outcomes => {
    for (const outcome of outcomes) {
      if ('error' in outcome) throw outcome.error;
      answers++;
    }
  });
  await asking.close();
  return answers;
}

export interface InstantService {
  readonly url: string;
  close(): void;
}

export function startInstantService(): Promise<InstantService> {
  return startService('instant-service.ts');
}

/** Starts a service of this folder in a process of its own. */
export async function startService(name: string, ...parameters: readonly string[]): Promise<InstantService> {
  const script = join(import.meta.dirname, name);
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...parameters], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {url, close: () => void child.stdin.end()};
}
