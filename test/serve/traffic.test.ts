import {appendFile, mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {readTraffic, TRAFFIC_FORMAT, TrafficLog, type TrafficOptions, writeTraffic} from '../../src/serve/traffic.ts';
import type {Answer} from '../../src/teacher.ts';
import {classes, sayingOf} from './services.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-traffic-'));
});
afterAll(() => rm(folder, {recursive: true, force: true}));

let files = 0;
const newFile = (): string => join(folder, `traffic-${files++}.jsonl`);
const teacher = {name: 'far', identity: {adapter: 'far'}, access: 'gray-box'} as const;
const said = sayingOf('news 0.9');

const options = (changes: Partial<TrafficOptions> = {}): TrafficOptions => ({
  ...{teacher, classes, maxBytes: 1e6, onEnd: () => {}},
  ...changes,
});

function entry(text: string, answer: Answer = said) {
  return {query: {input: {kind: 'text', text}}, answer, student: sayingOf('spam 0.6'), why: 'unsure'} as const;
}

async function linesIn(path: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter(line => line !== '');
  return lines.map(line => JSON.parse(line) as Record<string, unknown>);
}

describe('TrafficLog', () => {
  it('writes who answers, and each text once with what was said of it', async () => {
    const path = newFile();
    const log = await TrafficLog.open(path, options());
    log.add(entry('a text\nof two lines'));
    log.add(entry('a text\nof two lines'));
    log.add({...entry('another'), why: 'audit'});
    await log.close();
    const [head, first, second, ...rest] = await linesIn(path);
    expect(head).toEqual({format: 'limbeck.traffic/1', teacher, classes});
    expect(first).toEqual({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      why: 'unsure',
      text: 'a text\nof two lines',
      label: 'news',
      student: 'spam',
      answer: {kind: 'log-probabilities', logProbabilities: [...said.logProbabilities]},
    });
    expect(second).toMatchObject({text: 'another', why: 'audit'});
    expect(rest).toEqual([]);
  });

  it('lets nobody else read it', async () => {
    const path = newFile();
    await (await TrafficLog.open(path, options())).close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('goes on with a file, also after a line that was cut short', async () => {
    const path = newFile();
    const log = await TrafficLog.open(path, options());
    log.add(entry('one'));
    await log.close();
    await appendFile(path, '{"at":"2026-');
    const again = await TrafficLog.open(path, options());
    again.add(entry('two'));
    await again.close();
    const texts = (await readFile(path, 'utf8')).split('\n').filter(line => line !== '');
    expect(texts).toHaveLength(5);
    expect(texts[2]).toBe('{"at":"2026-');
    expect(JSON.parse(texts[4]!)).toMatchObject({text: 'two'});
  });

  it('leaves features out, and takes a probability of zero', async () => {
    const path = newFile();
    const log = await TrafficLog.open(path, options());
    const features = {layer: {shape: [1], values: Float32Array.of(1)}};
    log.add(entry('logits', {kind: 'logits', logits: Float32Array.of(1, 2, 3), features}));
    log.add(entry('zero', {kind: 'log-probabilities', logProbabilities: Float32Array.of(0, -Infinity, -Infinity)}));
    await log.close();
    const [, logits, zero] = await linesIn(path);
    expect(logits).toMatchObject({label: 'news', answer: {kind: 'logits', logits: [1, 2, 3]}});
    expect(logits!['answer']).not.toHaveProperty('features');
    expect(zero).toMatchObject({answer: {logProbabilities: [0, null, null]}});
  });

  it('grows no larger than it may, and says so once', async () => {
    const path = newFile();
    const ends: string[] = [];
    const log = await TrafficLog.open(path, options({maxBytes: 1000, onEnd: reason => ends.push(reason)}));
    for (let index = 0; index < 20; index++) log.add(entry(`text ${index}`));
    await log.close();
    expect((await stat(path)).size).toBeLessThanOrEqual(1000);
    expect((await linesIn(path)).length).toBeGreaterThan(2);
    expect(ends).toEqual([`${path} has reached its 1000 bytes. No more traffic is kept.`]);
  });

  it('writes to no other file, and to no place that is not there', async () => {
    const path = newFile();
    await writeFile(path, 'precious');
    await expect(TrafficLog.open(path, options())).rejects.toThrow(InputError);
    expect(await readFile(path, 'utf8')).toBe('precious');
    await expect(TrafficLog.open(join(folder, 'nowhere', 'file'), options())).rejects.toThrow(
      "The traffic can't be kept in",
    );
  });
});

const answers: readonly Answer[] = [
  {kind: 'label', label: 2},
  {kind: 'votes', counts: Uint32Array.of(1, 0, 4)},
  {kind: 'top-k', classes: Int32Array.of(2, 0), logProbabilities: Float32Array.of(-0.1, -3), rest: 0.05},
  {kind: 'log-probabilities', logProbabilities: Float32Array.of(-0.1, -2.3, Number.NEGATIVE_INFINITY)},
  {kind: 'logits', logits: Float32Array.of(0.1, -7, 3), features: {}},
];

const line = {at: '2026-11-25T12:00:00.000Z', why: 'audit', text: 'é\n"', label: 'spam', student: 'ham'} as const;

describe('a line of traffic', () => {
  it.each(answers)('comes back to the bit with an answer of $kind', answer => {
    const written = writeTraffic({...line, answer});
    expect(written).toMatch(/^[^\n]*\n$/);
    expect(readTraffic(written)).toEqual({...line, answer});
  });

  it('was checked where it now is audited', () => {
    const written = writeTraffic({...line, answer: answers[0]!}).replace('"audit"', '"check"');
    expect(readTraffic(written)).toMatchObject({why: 'audit'});
  });

  it('comes back where it is a head', () => {
    const teacher = {name: 'far', identity: {adapter: 'far', of: [1, null]}, access: 'gray-box'} as const;
    const head = {format: TRAFFIC_FORMAT, teacher, classes: ['ham', 'spam']};
    expect(readTraffic(writeTraffic(head))).toEqual(head);
  });

  it.each(['', '{"at":"2026-', '[]', '7', '{"text":"a"}', writeTraffic({...line, answer: {kind: 'label', label: -1}})])(
    'is nothing where it is damaged: %j',
    damaged => {
      expect(readTraffic(damaged)).toBeUndefined();
    },
  );
});
