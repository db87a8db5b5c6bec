import {type ChildProcess, spawn} from 'node:child_process';
import {randomInt} from 'node:crypto';
import {once} from 'node:events';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {text} from 'node:stream/consumers';
import {build} from 'esbuild';
import {describe, expect, it} from 'vitest';
import {openai} from '../../adapters/openai.ts';
import {randomFraction, randomInteger, seededRandom} from '../../src/data/random.ts';
import {answerKey} from '../../src/store/stored-answer.ts';
import {type AskedItem, labelOf, objectText, packServer, type Written} from '../adapters/_chat/pack-server.ts';

const classes = ['billing', 'fault', 'praise'];
const options = {model: 'm', classes, output: 'label', url: 'http://127.0.0.1:9', service: 'kept'} as const;
const {identity} = openai({...options, key: 'k', pack: 8});
const keyOf = (asked: string) => answerKey(identity, {input: {kind: 'text', text: asked}});
const texts = Array.from({length: 480}, (_, number) => `Text ${number}.`);

type Fields = readonly (readonly [string, string])[];
const spoils: readonly ((fields: Fields) => Written | undefined)[] = [
  fields => ({text: objectText(fields.slice(1))}),
  fields => ({text: objectText([...fields, [fields[1]![0], 'fault']])}),
  fields => ({text: objectText(fields.toReversed())}),
  fields => ({text: objectText([['q1', 'fault'], ...fields])}),
  fields => ({text: `${objectText(fields.slice(0, 5)).slice(0, -1)}, "q`, finish: 'length'}),
  () => ({status: 400}),
  () => undefined,
];

const REFUSED = 'Text 17.';

/** A reply about several texts has a fault by its number. One text is always refused. */
function faulty() {
  let packs = 0;
  return (items: readonly AskedItem[], fields: Fields) => {
    if (items.some(item => item.text === REFUSED)) return {status: 400};
    return items.length > 1 ? spoils[packs++ % spoils.length]!(fields) : undefined;
  };
}

/** Another one each time; the name of the test tells it. */
const seed = Number(process.env['LIMBECK_KILL_SEED'] ?? randomInt(2 ** 31));

/** When each process is killed: so many milliseconds after so many of its requests have come. */
function drawMoments(): readonly {readonly requests: number; readonly delay: number}[] {
  const random = seededRandom(seed, 'kills');
  return Array.from({length: 10}, () => ({requests: randomInteger(random, 1, 6), delay: 4 * randomFraction(random)}));
}

/** The program of the processes in one file, which starts three times as fast; beside the packages that it needs. */
async function bundleChild(): Promise<string> {
  const folder = await mkdtemp(join(import.meta.dirname, '../../node_modules/.packed-'));
  const outfile = join(folder, 'child.mjs');
  const entryPoints = [join(import.meta.dirname, 'packed-child.ts')];
  await build({entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external'});
  return outfile;
}

describe('asking in packs, with faults in their replies, of a process that is killed at ten random moments', () => {
  it(`loses no answer, and pays twice for none but those that it lists (LIMBECK_KILL_SEED=${seed})`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-packed-'));
    const script = await bundleChild();
    let child: ChildProcess | undefined;
    let onRequest = () => {};
    const server = await packServer(classes, faulty(), () => onRequest());
    const run = async () => {
      child = spawn(process.execPath, [script, folder, server.url, String(texts.length), ...classes]);
      const [printed] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
      return {printed, signal: child.signalCode};
    };
    try {
      for (const {requests, delay} of drawMoments()) {
        let left = requests;
        onRequest = () => {
          if (--left === 0) setTimeout(() => child?.kill('SIGKILL'), delay);
        };
        expect(await run()).toEqual({printed: '', signal: 'SIGKILL'});
      }
      onRequest = () => {};
      const {printed: labels} = await run();
      expect(JSON.parse(labels)).toEqual(
        texts.map(one => (one === REFUSED ? null : classes.indexOf(labelOf(one, classes)))),
      );
      const listed = await readFile(join(folder, 'journal', 'in-doubt.txt'), 'utf8');
      const doubled = [...server.answered].filter(([, count]) => count > 1).map(([one]) => one);
      expect(doubled.filter(one => !listed.includes(keyOf(one)))).toEqual([]);
      const before = server.requests.length;
      expect((await run()).printed).toBe(labels);
      expect(server.requests.slice(before)).toEqual([]);
    } finally {
      server.close();
      await rm(folder, {recursive: true});
      await rm(dirname(script), {recursive: true});
    }
  });
});
