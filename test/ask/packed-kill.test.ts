import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import {describe, expect, it} from 'vitest';
import {openai} from '../../adapters/openai.ts';
import {answerKey} from '../../src/store/stored-answer.ts';
import {type AskedItem, labelOf, objectText, packServer, type Written} from '../adapters/_chat/pack-server.ts';

const classes = ['billing', 'fault', 'praise'];
const options = {model: 'm', classes, output: 'label', url: 'http://127.0.0.1:9', service: 'kept'} as const;
const {identity} = openai({...options, key: 'k', pack: 8});
const keyOf = (asked: string) => answerKey(identity, {input: {kind: 'text', text: asked}});
const texts = Array.from({length: 60}, (_, number) => `Text ${number}.`);

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

/** The request, of each process in turn, at which it is killed: within a pack, between packs, while one is asked alone. */
const KILLED_AT = [2, 5, 9];

describe('asking in packs, with faults in their replies, of a process that is killed', () => {
  it('loses no answer, and pays twice for none but those that it lists', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-packed-'));
    let child: ChildProcess | undefined;
    let left = 0;
    const server = await packServer(classes, faulty(), () => {
      if (--left === 0) child?.kill('SIGKILL');
    });
    const run = async (most: number): Promise<string> => {
      left = most;
      const script = join(import.meta.dirname, 'packed-child.ts');
      child = spawn(process.execPath, ['--import', 'tsx', script, folder, server.url, ...classes]);
      const [printed] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
      return printed;
    };
    try {
      for (const most of KILLED_AT) expect(await run(most)).toBe('');
      const labels = await run(Number.POSITIVE_INFINITY);
      expect(JSON.parse(labels)).toEqual(
        texts.map(one => (one === REFUSED ? null : classes.indexOf(labelOf(one, classes)))),
      );
      const listed = await readFile(join(folder, 'journal', 'in-doubt.txt'), 'utf8');
      const doubled = [...server.answered].filter(([, count]) => count > 1).map(([one]) => one);
      expect(doubled.filter(one => !listed.includes(keyOf(one)))).toEqual([]);
      const before = server.requests.length;
      expect(await run(Number.POSITIVE_INFINITY)).toBe(labels);
      expect(server.requests.slice(before)).toEqual([]);
    } finally {
      server.close();
      await rm(folder, {recursive: true});
    }
  });
});
