import {createHash} from 'node:crypto';
import {describe, expect, it} from 'vitest';
import {openai} from '../../../adapters/openai.ts';
import {leastToShow, shownAgreement} from '../../../src/ask/probe/changes.ts';
import {probeTeacher} from '../../../src/ask/probe/probe.ts';
import {promptRows} from '../../../src/cli/probe-prompts.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {type JsonReply, jsonServer} from '../../adapters/json-server.ts';
import {askingIn, newFolder, percentOf, queries} from './packing-probe.ts';

const classes = Array.from({length: 20}, (_, index) => `messages of kind ${index}`);
const descriptions = Object.fromEntries(classes.map(name => [name, `what people write about ${name}, in short`]));

interface Body {
  readonly messages: readonly {readonly content: string}[];
  readonly response_format: {
    readonly json_schema: {
      readonly schema: {readonly properties: {readonly label: {readonly enum: readonly string[]}}};
    };
  };
}

/**
 * A model whose tokens are the words that it reads and writes.
 *
 * @param misses - of 100 texts, how many get another label without descriptions
 */
function model(misses: number): Promise<string> {
  return jsonServer(({messages, response_format}: Body): JsonReply => {
    const {schema} = response_format.json_schema;
    const labels = schema.properties.label.enum;
    const [{content: system}, {content: text}] = messages as readonly [Body['messages'][0], Body['messages'][0]];
    const isMissed = !system.includes('what people write') && percentOf(text) < misses;
    const index = createHash('sha256').update(text).digest()[0]! + (isMissed ? 1 : 0);
    const content = JSON.stringify({label: labels[index % labels.length]});
    const count = (...texts: readonly string[]) => texts.join(' ').split(/\s+/).length;
    const usage = {prompt_tokens: count(system, text, JSON.stringify(schema)), completion_tokens: count(content)};
    return {body: {choices: [{finish_reason: 'stop', message: {content}}], usage}};
  });
}

const teacherAt = (url: string, options = {}) =>
  openai({model: 'm', classes, descriptions, output: 'label', url, key: 'k', ...options});

async function probed(teacher: Teacher, about = queries) {
  const asking = await askingIn(await newFolder());
  const options = {queries: about, needed: {kind: 'label'}, inputs: 1000, promptAgreement: 0.98} as const;
  const found = await probeTeacher(asking, teacher, options);
  await asking.close();
  return found;
}

describe('a probe of shorter prompts', () => {
  it('names the shortest that keeps the labels, and says what each changes and takes', async () => {
    const {prompts, requests} = await probed(teacherAt(await model(6)));
    expect(prompts!.tried.map(({prompt, isShown}) => [prompt, isShown])).toEqual([
      ["`codes: 'short'`", true],
      ['no `descriptions`', false],
      ["no `descriptions`, `codes: 'short'`", false],
    ]);
    expect(prompts).toMatchObject({shortest: "`codes: 'short'`", leastInputs: 203});
    const misses = queries.filter(({input}) => input.kind === 'text' && percentOf(input.text) < 6).length;
    expect(prompts!.tried[1]).toMatchObject({compared: 300, changed: misses, changedAgain: 0});
    const rows = promptRows(prompts!, requests).map(row => row.join(' '));
    expect(rows[3]).toMatch(
      /^prompt no `descriptions`: 28\d of 300 labels as with your prompt \(9\d\.\d to 9\d\.\d %\); asked again, 300 are$/,
    );
    expect(rows[4]).toMatch(/^ it changes \d\.\d % more labels than asking again does/);
    expect(rows[5]).toMatch(/^ an input: \d+ tokens, a request, .*; with your prompt: \d+ tokens, a request/);
    expect(rows.at(-1)).toMatch(
      /^shortest `codes: 'short'`: the shortest that shows 98 % of labels as with your prompt/,
    );
  });

  it('finds that descriptions were not needed, and that one without changes is asked as the options that it names', async () => {
    const url = await model(0);
    const {prompts} = await probed(teacherAt(url), queries.slice(0, 203));
    expect(prompts!.shortest).toBe("no `descriptions`, `codes: 'short'`");
    const tokens = prompts!.tried.map(({requests}) => requests!.perQuestion!.inputTokens);
    expect(tokens.toSorted((one, other) => other - one)).toEqual(tokens);
    const {identity} = openai({model: 'm', classes, output: 'label', url, key: 'k', codes: 'short'});
    expect(JSON.stringify(identity)).toContain('A: messages of kind 0\\nB: messages of kind 1');
  });

  it('tries none with too few inputs, and finds none for a prompt of your own or one that is as short as can be', async () => {
    const url = await model(0);
    const {prompts} = await probed(teacherAt(url), queries.slice(0, 5));
    expect(prompts).toEqual({agreement: 0.98, leastInputs: 203, tried: []});
    expect(promptRows(prompts!, undefined)).toEqual([
      ['prompt', 'no shorter one was tried: it takes 203 inputs to show 98 % of labels'],
    ]);
    const some = queries.slice(0, 2);
    expect(
      (await probed(teacherAt(url, {prompt: {system: '{classes}', user: '{text}'}}), some)).prompts,
    ).toBeUndefined();
    expect((await probed(teacherAt(url, {descriptions: {}, codes: 'short'}), some)).prompts).toBeUndefined();
  });

  it('names one that keeps less in at most 5 % of probes, although it chooses among three', () => {
    /** The probability that a prompt which keeps a little less than the floor is shown to keep it. */
    const shownBy = (inputs: number, tests: number) => {
      let [term, sum] = [0.98 ** inputs, 0];
      for (let changed = 0; shownAgreement({compared: inputs, changed}, tests) >= 0.98; changed++) {
        sum += term;
        term *= ((inputs - changed) / (changed + 1)) * (0.02 / 0.98);
      }
      return sum;
    };
    expect(leastToShow(0.98, 3)).toBe(203);
    for (const inputs of [203, 300, 500, 1000]) expect(3 * shownBy(inputs, 3)).toBeLessThanOrEqual(0.05);
    expect(3 * shownBy(203, 3)).toBeGreaterThan(0.045);
    expect(3 * shownBy(149, 1)).toBeGreaterThan(0.14);
  });
});
