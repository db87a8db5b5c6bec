/** Services and programs whose scores are not what their adapter declares, as they are asked by every command. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {callable} from '../../adapters/callable.ts';
import {http} from '../../adapters/http.ts';
import {huggingface} from '../../adapters/huggingface.ts';
import {openInference} from '../../adapters/open-inference.ts';
import {textEmbeddingsInference} from '../../adapters/text-embeddings-inference.ts';
import {vllm} from '../../adapters/vllm.ts';
import {askAll} from '../../src/ask/batches.ts';
import {openAsking} from '../../src/index.ts';
import type {Query, Teacher} from '../../src/teacher.ts';
import {jsonServer} from './json-server.ts';
import {text} from './replay.ts';

const classes = ['ham', 'spam', 'other'];
const shared = {classes, concurrency: 1} as const;

/** Scores of a text before and after softmax. */
function scoresOf(asked: string): {readonly logits: number[]; readonly probabilities: number[]} {
  const logits = classes.map((_, index) => Math.sin(7 * asked.length + 3 * index + asked.charCodeAt(0)) * 3);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  return {logits, probabilities: logits.map(logit => Math.exp(logit) / total)};
}

/** What a server does with its scores, whatever it is asked for. */
let given: (asked: string) => readonly number[];
let requests: number;
let url: string;
let folder: string;
let runs = 0;

interface Body {
  readonly inputs?: string | readonly (readonly string[])[] | readonly {readonly data: readonly string[]}[];
  readonly input?: readonly string[];
  readonly text?: string;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-declared-'));
  const named = (asked: string) => given(asked).map((score, index) => ({label: classes[index], score}));
  url = await jsonServer(({inputs, input, text: one}: Body, path) => {
    requests++;
    if (path === '/predict') return {body: (inputs as readonly (readonly string[])[]).map(([asked]) => named(asked!))};
    if (path === '/classify') return {body: {data: input!.map(asked => ({probs: given(asked)}))}};
    if (path === '/hf') return {body: [named(inputs as string)]};
    if (path.startsWith('/v2')) {
      const {data} = (inputs as readonly {readonly data: readonly string[]}[])[0]!;
      return {
        body: {
          model_name: 'm',
          outputs: [{name: 'y', datatype: 'FP64', shape: [data.length, 3], data: data.flatMap(given)}],
        },
      };
    }
    return {body: {scores: given(one!)}};
  });
});

afterAll(() => rm(folder, {recursive: true}));

const TEACHERS: Readonly<Record<string, (kind: 'logits' | 'probabilities') => Teacher>> = {
  'text-embeddings-inference': output => textEmbeddingsInference({...shared, url, output, maxBatch: 4}),
  huggingface: output => huggingface({...shared, url: `${url}/hf`, output}),
  vllm: output => vllm({...shared, url, task: 'classify', model: 'm', output}),
  'open-inference': kind =>
    openInference({...shared, url, model: 'm', input: {name: 'x'}, output: {[kind]: 'y'} as {logits: string}}),
  http: kind =>
    http({...shared, url: `${url}/x`, request: {text: '{text}'}, output: {[kind]: '/scores'} as {logits: string}}),
  callable: scores =>
    callable({
      name: 'a function',
      version: String(runs),
      classes,
      scores,
      answer: input => given('text' in input ? input.text : ''),
    }),
};

/** The option that declares a kind, as each adapter spells it. */
const OPTIONS: Readonly<Record<string, (kind: string) => string>> = {
  'open-inference': kind => `output: {${kind}: 'y'}`,
  http: kind => `output: {${kind}: '/scores'}`,
  callable: kind => `scores: '${kind}'`,
};
const optionOf = (name: string, kind: string) => `Set \`${OPTIONS[name]?.(kind) ?? `output: '${kind}'`}\``;

/** Asks as every command does. */
async function run(teacher: Teacher, asked: readonly Query[]) {
  requests = 0;
  const asking = await openAsking({
    cache: join(folder, String(runs), 'answers'),
    journal: join(folder, String(runs), 'journal'),
  });
  runs++;
  try {
    const outcomes = await askAll(asking.open(teacher).teacher, asked).catch((error: Error) => error);
    let kept = 0;
    for await (const _ of asking.store.entries()) kept++;
    return {outcomes, kept};
  } finally {
    await asking.close();
  }
}

const texts = Array.from({length: 60}, (_, index) =>
  text(`${String.fromCharCode(97 + (index % 26))}${'x'.repeat(index)}`),
);

describe.each(Object.keys(TEACHERS))('%s', name => {
  it('declared as logits stops at probabilities, keeps none, and names the option', async () => {
    given = asked => scoresOf(asked).probabilities;
    const {outcomes, kept} = await run(TEACHERS[name]!('logits'), texts);
    expect(outcomes).toBeInstanceOf(Error);
    const {message} = outcomes as Error;
    expect(message).toMatch(/It gives probabilities instead of logits\. Each of \d+ different answers/);
    expect(message).toContain(optionOf(name, 'probabilities'));
    expect(kept).toBe(0);
    expect(requests).toBeLessThan(8);
  });

  it('declared as logits stops at probabilities with two decimals', async () => {
    given = asked => scoresOf(asked).probabilities.map(share => Number(share.toFixed(2)));
    const {outcomes, kept} = await run(TEACHERS[name]!('logits'), texts);
    expect((outcomes as Error).message).toContain('It gives probabilities instead of logits.');
    expect((outcomes as Error).message).toContain(optionOf(name, 'probabilities'));
    expect(kept).toBeLessThan(3);
    expect(requests).toBeLessThan(16);
  });

  it('declared as probabilities stops at logits, keeps none, and says what they are', async () => {
    given = asked => scoresOf(asked).logits;
    const {outcomes, kept} = await run(TEACHERS[name]!('probabilities'), texts);
    expect((outcomes as Error).message).toContain(`These look like logits. ${optionOf(name, 'logits')}.`);
    expect(kept).toBe(0);
    expect(requests).toBeLessThan(8);
  });

  it('says so of scores that a sigmoid gave', async () => {
    given = asked => scoresOf(asked).logits.map(logit => 1 / (1 + Math.exp(-logit)));
    const {outcomes} = await run(TEACHERS[name]!('probabilities'), texts);
    expect((outcomes as Error).message).toContain('as of a classifier that scores each class by itself');
  });

  it.each(['logits', 'probabilities'] as const)(
    'declared as the %s that it gives is answered to the end',
    async kind => {
      given = asked => scoresOf(asked)[kind];
      const {outcomes, kept} = await run(TEACHERS[name]!(kind), texts);
      expect((outcomes as readonly object[]).every(outcome => 'answer' in outcome)).toBe(true);
      expect(kept).toBe(texts.length);
    },
  );
});
