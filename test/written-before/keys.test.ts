import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {asTeacher, loadStudent, type Query, startEngine, type Teacher} from 'limbeck';
import {anthropic} from 'limbeck/adapters/anthropic';
import {bedrock} from 'limbeck/adapters/bedrock';
import {callable} from 'limbeck/adapters/callable';
import {command} from 'limbeck/adapters/command';
import {decisions} from 'limbeck/adapters/decisions';
import {embeddings} from 'limbeck/adapters/embeddings';
import {encoder} from 'limbeck/adapters/encoder';
import {gemini} from 'limbeck/adapters/gemini';
import {http} from 'limbeck/adapters/http';
import {huggingface} from 'limbeck/adapters/huggingface';
import {human} from 'limbeck/adapters/human';
import {llama} from 'limbeck/adapters/llama';
import {llamaCpp} from 'limbeck/adapters/llama-cpp';
import {ollama} from 'limbeck/adapters/ollama';
import {onnx} from 'limbeck/adapters/onnx';
import {openInference} from 'limbeck/adapters/open-inference';
import {openai} from 'limbeck/adapters/openai';
import {sagemaker} from 'limbeck/adapters/sagemaker';
import {savedModel} from 'limbeck/adapters/saved-model';
import {systemOne} from 'limbeck/adapters/system-one';
import {tensorflowServing} from 'limbeck/adapters/tensorflow-serving';
import {textEmbeddingsInference} from 'limbeck/adapters/text-embeddings-inference';
import {tfjs} from 'limbeck/adapters/tfjs';
import {transformers} from 'limbeck/adapters/transformers';
import {vertex} from 'limbeck/adapters/vertex';
import {vllm} from 'limbeck/adapters/vllm';
import {answerKey, boundary, calibrated, cascade, degrade, ensemble, labelModel, predicate, repeat} from 'limbeck/ask';
import {describe, expect, it} from 'vitest';
import {peerOrSkip} from '../adapters/peer.ts';

const fixtures = join(import.meta.dirname, '../fixtures');
const golden = JSON.parse(readFileSync(join(fixtures, 'written-before/keys.json'), 'utf8')) as Record<string, string>;

const classes = ['ham', 'spam'];
const three = ['a', 'b', 'c'];
const url = 'http://127.0.0.1:9';
const chat = {model: 'm', classes} as const;
const label = {...chat, output: 'label'} as const;
const scores = {url, classes} as const;
const body = {classes, request: {inputs: '{text}'}, output: {probabilities: '/scores'}} as const;
const serving = {url, model: 'm', classes} as const;
const vertexPlace = {project: 'p', location: 'europe-west4', endpoint: '123'} as const;
const aliases = {good: 'ham', bad: 'spam'};
const typed = {model: 'm', questions: [predicate('late', 'Is it late?', {yes: 'By a day.'})]} as const;
const tagged = {questions: typed.questions};
const prompt = {system: 'Say {classes}.', user: 'Here: {text}'};

/** A teacher in place of an adapter that is gone: its identity finds the answers that were bought through that one. */
function gone(identity: Teacher['identity']): Teacher<'gray-box'> {
  return {
    ...{name: 'gone', access: 'gray-box', identity, classes, detail: {kind: 'log-probabilities'}, maxBatch: 96},
    ask: async queries => queries.map(() => ({error: new Error('Nobody answers any more.')})),
  };
}

/** Teachers that are made without a file or a service. */
const HOSTED: Readonly<Record<string, () => Teacher>> = {
  openai: () => openai(label),
  'openai with options': () =>
    openai({...label, prompt, aliases, maxTokens: 7, parameters: {temperature: 1, seed: 3}, price: {perCall: 1}}),
  'openai by Responses': () => openai({...label, api: 'responses'}),
  'openai, log-probabilities': () => openai({...chat, output: 'log-probabilities'}),
  'openai, questions': () => openai({...typed, output: 'label'}),
  'openai, log-probabilities of questions with names': () =>
    openai({...typed, output: 'log-probabilities', areNamesShown: true, parameters: {seed: 3}}),
  'openai, packs': () => openai({...label, pack: 32}),
  anthropic: () => anthropic(label),
  'anthropic, questions': () => anthropic({...typed, output: 'confidence'}),
  embeddings: () => embeddings({model: 'm', dimensions: 8}),
  'embeddings, text-embeddings-inference': () =>
    embeddings({api: 'text-embeddings-inference', url, service: 'mine', task: 'query'}),
  'embeddings, cohere': () => embeddings({api: 'cohere', model: 'm'}),
  'embeddings, gemini': () => embeddings({api: 'gemini', model: 'm', task: 'CLUSTERING'}),
  gemini: () => gemini(label),
  bedrock: () => bedrock({...label, region: 'us-east-1'}),
  ollama: () => ollama(label),
  'ollama, log-probabilities': () => ollama({...chat, output: 'log-probabilities'}),
  vllm: () => vllm(chat),
  'vllm, label': () => vllm(label),
  'llama-cpp': () => llamaCpp(chat),
  'llama-cpp, label': () => llamaCpp(label),
  mistral: () =>
    gone({adapter: 'mistral', service: 'https://api.mistral.ai', model: 'm', target: null, labels: classes}),
  cohere: () => gone({adapter: 'cohere', service: 'https://api.cohere.com', model: 'm', examples: [], labels: classes}),
  huggingface: () => huggingface(scores),
  'huggingface, logits': () => huggingface({...scores, output: 'logits'}),
  'huggingface, questions': () => huggingface({...tagged, url, labels: ['LATE']}),
  'text-embeddings-inference': () => textEmbeddingsInference(scores),
  'tensorflow-serving': () => tensorflowServing({...serving, output: 'probabilities'}),
  vertex: () => vertex({...vertexPlace, classes, output: 'probabilities'}),
  sagemaker: () => sagemaker({...body, endpoint: 'moods', region: 'us-east-1'}),
  http: () => http({...body, url}),
  'http, label': () => http({...body, url, output: {label: '/label'}, headers: {'x-model': 'm'}}),
  'http, questions': () => http({...tagged, url, request: body.request, output: {late: {probabilities: '/late'}}}),
  decisions: () => decisions(typed),
  'decisions, sglang': () => decisions({...typed, url, dialect: 'sglang', parameters: {temperature: 1}}),
  'system-one': () => systemOne(typed),
  'system-one, names shown': () => systemOne({...typed, url, areNamesShown: true}),
  'system-one, google': () => systemOne({...typed, url, dialect: 'google'}),
  'open-inference, label': () => openInference({...serving, output: {label: 'label'}}),
  'open-inference, top-k': () =>
    openInference({...serving, version: '3', output: {topK: {classes: 'c', logProbabilities: 'l', k: 2}}}),
  'open-inference, questions': () =>
    openInference({...tagged, url, model: 'm', output: {late: {logits: 'marks', column: 1}}}),
  callable: () => callable({name: 'mine', version: '1', classes, answer: () => 'ham'}),
  'callable, scores': () =>
    callable({name: 'mine', version: '1', classes, scores: 'probabilities', answer: () => [0.5, 0.5]}),
  'callable, questions': () => callable({name: 'mine', version: '1', ...tagged, answer: () => ({late: true})}),
  command: () => command({command: ['node', 'classify.mjs'], cwd: join(fixtures, 'command'), classes}),
  human: () => human({path: join(fixtures, 'human/filled.csv'), classes}),
  'human, questions': () => human({...tagged, path: '/nowhere/limbeck.csv'}),
  'human, nothing filled in': () => human({path: '/nowhere/limbeck.csv', classes}),
};

const words = {kind: 'text', count: 2, texts: ['cheap', 'hello']} as const;
const hundred = Array.from({length: 100}, (_, index) => `text ${index}`);
const labelled = {
  inputs: {kind: 'text', count: 100, texts: hundred},
  labels: Int32Array.from(hundred, (_, index) => index % 2),
} as const;
const images = {kind: 'tensor', dtype: 'float32', shape: [2], count: 2, data: Float32Array.of(0, 1, 1, 0)} as const;
const one = () => openai(label);
const other = () => anthropic(label);

/** Teachers that are made of others. */
const COMPOSED: Readonly<Record<string, () => Teacher>> = {
  degrade: () =>
    degrade(openai({...chat, output: 'log-probabilities'}), {access: 'black-box', detail: {kind: 'label'}}),
  repeat: () => repeat(one(), {samples: 4}),
  ensemble: () => ensemble([one(), other()]),
  cascade: () => cascade([openai({...chat, output: 'log-probabilities'}), other()], {margin: 0.9}),
  calibrated: () => calibrated(repeat(one(), {samples: 4}), {examples: labelled}),
  'label model': () => labelModel([one(), other(), gemini(label)], {inputs: words}),
  boundary: () => boundary(openInference({...serving, output: {label: 'label'}}), {references: images, form: 'power'}),
};

/** Why what needs the native engine is skipped; undefined where it runs. */
async function withoutNative(): Promise<string | undefined> {
  const {name, reason} = await startEngine();
  return name === 'native' ? undefined : `needs the native engine: ${reason}`;
}

function keysOf({identity, questions: typed}: Teacher): string {
  const questions: readonly Query[] = [
    {input: {kind: 'text', text: 'hello'}},
    {input: {kind: 'tensor', dtype: 'uint8', shape: [2, 2], data: Uint8Array.of(0, 1, 2, 255)}, view: 1, sample: 2},
  ];
  const about = questions.map(query => ({...query, question: typed?.list[0]}));
  return about.map(query => answerKey(identity, query, typed).slice(0, 16)).join(' ');
}

/** Teachers out of files, with what each needs to be here. */
const LOCAL: Readonly<Record<string, readonly [make: () => Promise<Teacher>, needs?: string]>> = {
  encoder: [async () => encoder({model: join(fixtures, 'encoder/bert')})],
  tfjs: [() => tfjs({path: join(fixtures, 'written-before/students/images')})],
  'tfjs, graph model': [
    () => tfjs({path: join(fixtures, 'graph-model/dense'), classes: three, output: {logits: 'logits'}}),
  ],
  'a student of texts': [async () => asTeacher(await loadStudent(join(fixtures, 'written-before/students/mails')))],
  'saved-model': [
    () => savedModel({path: join(fixtures, 'saved-model/dense'), classes: three, output: {logits: 'logits'}}),
    'native',
  ],
  onnx: [
    () => onnx({path: join(fixtures, 'onnx/iris.onnx'), classes: three, output: {probabilities: 'probabilities'}}),
    'onnxruntime-node',
  ],
  'onnx, questions': [
    () =>
      onnx({
        path: join(fixtures, 'onnx/tags.onnx'),
        ...tagged,
        output: {late: {probabilities: 'probabilities', column: 1}},
      }),
    'onnxruntime-node',
  ],
  transformers: [() => transformers({path: join(fixtures, 'tiny-model/cls')}), '@huggingface/transformers'],
  llama: [
    () => llama({path: join(fixtures, 'tiny-model/tiny-sent.gguf'), classes, template: 'none'}),
    'node-llama-cpp',
  ],
};

describe('the keys of answers that were kept before', () => {
  it.each(Object.entries({...HOSTED, ...COMPOSED}))('are those of today: %s', (name, make) => {
    expect(keysOf(make())).toBe(golden[name]);
  });

  for (const [name, [make, needs]] of Object.entries(LOCAL)) {
    it(`are those of today: ${name}`, async ({skip}) => {
      const lack = needs && (needs === 'native' ? await withoutNative() : await peerOrSkip(needs));
      skip(lack !== undefined, lack);
      expect(keysOf(await make())).toBe(golden[name]);
    });
  }

  it('are of every adapter and every way to compose teachers', () => {
    const names = Object.keys({...HOSTED, ...COMPOSED, ...LOCAL});
    expect(Object.keys(golden)).toEqual(names);
    expect(new Set(Object.values(golden)).size).toBe(names.length);
    const adapters = readdirSync(join(fixtures, '../../adapters')).flatMap(
      file => /^([^_].*)\.ts$/.exec(file)?.[1] ?? [],
    );
    const named = new Set(names.map(name => name.split(',')[0]));
    expect(adapters.filter(adapter => !named.has(adapter))).toEqual([]);
  });
});
