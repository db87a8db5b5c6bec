import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import {describe, expect, it} from 'vitest';
import {answerKey} from '../../src/store/stored-answer.ts';
import {type AskedTogether, questionedTeacher} from './questioned-teacher.ts';

const {identity, questions} = questionedTeacher();

/** The keys of the answers to a request. */
const keysOf = ({text, names}: AskedTogether): readonly string[] =>
  questions.list
    .filter(({name}) => names.includes(name))
    .map(question => answerKey(identity, {input: {kind: 'text', text}, question}, questions));

describe('asking several questions whose process is killed', () => {
  it('loses no answer, and pays twice for none but those that it lists', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-questions-'));
    const asked = new Map<string, number>();
    let child: ChildProcess | undefined;
    let left = 0;
    const server = createServer((request, response) => {
      void text(request).then(body => {
        for (const key of keysOf(JSON.parse(body) as AskedTogether)) asked.set(key, (asked.get(key) ?? 0) + 1);
        if (--left === 0) child?.kill('SIGKILL');
        response.end('done');
      });
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const {port} = server.address() as AddressInfo;
    const run = async (most: number): Promise<string> => {
      left = most;
      const script = join(import.meta.dirname, 'questions-child.ts');
      child = spawn(process.execPath, ['--import', 'tsx', script, folder, `http://127.0.0.1:${port}`]);
      const [printed] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
      return printed;
    };
    try {
      for (const most of [1, 6, 13]) expect(await run(most)).toBe('');
      const labels = JSON.parse(await run(Number.POSITIVE_INFINITY)) as number[][];
      const numbers = Array.from({length: 40}, (_, number) => number);
      expect(labels).toEqual([2, 3, 10].map(classes => numbers.map(number => number % classes)));
      expect(asked.size).toBe(120);
      const doubled = [...asked].filter(([, count]) => count > 1).map(([key]) => key);
      const listed = await readFile(join(folder, 'journal', 'in-doubt.txt'), 'utf8');
      expect(doubled.filter(key => !listed.includes(key))).toEqual([]);
      // At most 4 requests are under way when a process ends.
      expect(doubled.length).toBeLessThanOrEqual(3 * 4 * 3);
      const before = [...asked.values()];
      expect(JSON.parse(await run(Number.POSITIVE_INFINITY))).toEqual(labels);
      expect([...asked.values()]).toEqual(before);
    } finally {
      server.close();
      await rm(folder, {recursive: true});
    }
  });
});
