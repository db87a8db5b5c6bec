import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {PACK_IDS} from '../../../adapters/_chat/pack.ts';
import {anthropic} from '../../../adapters/anthropic.ts';
import {bedrock} from '../../../adapters/bedrock.ts';
import {gemini} from '../../../adapters/gemini.ts';
import {llamaCpp} from '../../../adapters/llama-cpp.ts';
import {ollama} from '../../../adapters/ollama.ts';
import {type OpenAiOptions, openai} from '../../../adapters/openai.ts';
import {vllm} from '../../../adapters/vllm.ts';
import {openAsking} from '../../../src/ask/asking.ts';
import {predicate} from '../../../src/questions.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import type {LabelAnswer, Outcome, Query, Reply, Teacher, TopKAnswer} from '../../../src/teacher.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {address, floats, offline} from '../replay.ts';
import {fieldServer} from './field-server.ts';
import {type AskedItem, labelOf, objectText, type PackServer, packServer, type Written} from './pack-server.ts';

const key = 'very-secret';
const classes = ['billing', 'fault', 'praise'];
const shared = {model: 'm', classes, key} as const;
const path = '/chat/completions';
const queries = (...texts: readonly string[]): Query[] => texts.map(text => ({input: {kind: 'text', text}}));
const numbered = (count: number) => queries(...Array.from({length: count}, (_, index) => `Text ${index}.`));
const textIn = ({input}: Query) => (input.kind === 'text' ? input.text : '');

const labelsIn = (outcomes: readonly Outcome[]) =>
  outcomes.map(outcome => ('answer' in outcome ? (outcome.answer as LabelAnswer).label : outcome.error.message));
const rightLabels = (asked: readonly Query[]) => asked.map(query => classes.indexOf(labelOf(textIn(query), classes)));

const closing: {close(): void}[] = [];
const folders: string[] = [];
afterAll(async () => {
  for (const server of closing) server.close();
  for (const folder of folders) await rm(folder, {recursive: true});
});

async function serverThat(...parameters: Parameters<typeof packServer>): Promise<PackServer> {
  const server = await packServer(...parameters);
  closing.push(server);
  return server;
}

/** Asks through all layers, with a cache and a journal of its own. */
async function askingIn(folder?: string) {
  const place = folder ?? (await mkdtemp(join(tmpdir(), 'limbeck-pack-')));
  if (folder === undefined) folders.push(place);
  const notes: string[] = [];
  const asking = await openAsking({
    cache: join(place, 'answers'),
    journal: join(place, 'journal'),
    onNote: note => notes.push(note),
  });
  return {asking, notes, folder: place};
}

describe('a language model that is asked about several inputs in one request', () => {
  const aws = {region: 'eu-central-1', credentials: {accessKeyId: 'AKIDEXAMPLE', secretAccessKey: key}};
  const {key: _, ...keyless} = shared;
  const teachers: Readonly<Record<string, (url: string) => Teacher>> = {
    'openai, label': url => openai({...shared, url, output: 'label', pack: 3}),
    'openai, three samples': url => openai({...shared, url, output: 'label', samples: 3, pack: 3}),
    'openai, log-probabilities': url => openai({...shared, url, output: 'log-probabilities', pack: 3}),
    'openai by Responses': url => openai({...shared, url, api: 'responses', output: 'log-probabilities', pack: 3}),
    'anthropic, confidence': url => anthropic({...shared, url, output: 'confidence', pack: 3}),
    gemini: url => gemini({...shared, url, output: 'log-probabilities', pack: 3}),
    ollama: url => ollama({...shared, url, output: 'log-probabilities', pack: 3}),
    bedrock: url => bedrock({...keyless, ...aws, url, output: 'label', structured: true, pack: 3}),
    vllm: url => vllm({...shared, url, output: 'label', pack: 3}),
    llamaCpp: url => llamaCpp({...shared, url, output: 'label', pack: 3}),
  };

  describe.each(Object.entries(teachers))('%s', (_, make) => {
    const server = fieldServer();
    testTeacher({
      it,
      teacher: async () => make((await server).url),
      queries: [...numbered(4), {input: {kind: 'record', fields: {title: 'Late', count: 2}}}],
      badQuery: floats(1),
      secret: key,
    });
  });

  it('sends a JSON object of them under ids, and a schema with a field for each', async () => {
    const {dispatcher, sent, answer} = offline();
    answer(path, 200, {choices: [{finish_reason: 'stop', message: {content: '{}'}}]});
    const teacher = openai({...shared, url: address, output: 'label', dispatcher, pack: 3});
    await teacher.ask(queries('I was {text} charged\n"twice".', 'It broke.'));
    const [first, second] = PACK_IDS;
    expect(sent[0]!.body).toEqual({
      model: 'm',
      messages: [
        {
          role: 'system',
          content: [
            'Sort each text into one of these classes.',
            ...classes,
            'The message holds a JSON object of texts, each under an id. Judge each text by itself, as if it were the ' +
              'only one. Answer with JSON and nothing else: an object that holds, for every id and in the same order, ' +
              'the name of one class.',
          ].join('\n'),
        },
        {role: 'user', content: `{\n"${first}": "It broke.",\n"${second}": "I was {text} charged\\n\\"twice\\"."\n}`},
      ],
      max_tokens: 24 + 32 + 2 * (6 + 9 + 32),
      temperature: 0,
      response_format: {
        type: 'json_schema',
        json_schema: {
          ...{name: 'answer', strict: true},
          schema: {
            type: 'object',
            properties: {[first!]: {$ref: '#/$defs/answer'}, [second!]: {$ref: '#/$defs/answer'}},
            required: [first, second],
            additionalProperties: false,
            $defs: {answer: {type: 'string', enum: classes}},
          },
        },
      },
    });
  });

  it('has ids that are different, of one length, and in no order', () => {
    expect(new Set(PACK_IDS).size).toBe(64);
    expect(PACK_IDS.every(id => /^q\d{3}$/.test(id))).toBe(true);
    const steps = PACK_IDS.slice(1).map((id, index) => Number(id.slice(1)) - Number(PACK_IDS[index]!.slice(1)));
    expect(new Set(steps).size).toBeGreaterThan(56);
    expect(PACK_IDS.slice(0, 3)).toEqual(['q152', 'q943', 'q576']);
  });

  it('is the same request whatever order they are given in, and its kept reply says which answer is whose', async () => {
    const {url, asked} = await fieldServer();
    const teacher = openai({...shared, url, output: 'log-probabilities', pack: 8});
    const some = numbered(8);
    const replies: Reply[] = [];
    const ask = (about: readonly Query[]) =>
      teacher.ask(about, {
        exchange: async (_, send) => {
          replies.push(await send());
          return replies.at(-1)!;
        },
      });
    const forwards = await ask(some);
    const backwards = await ask(some.toReversed());
    expect(asked[0]).toEqual(asked[1]);
    expect(backwards).toEqual(forwards.toReversed());
    const positions = replies.map(({headers}) => String(headers['limbeck-pack']).split(',').map(Number));
    expect(positions[0]).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(positions[1]).toEqual(positions[0]!.toReversed());
    const {status, headers, body} = replies[0]!;
    expect(teacher.service!.read({status, headers, body}, 8, teacher.detail)).toEqual(forwards);
    // Each answer is about its own input, and not about its place.
    const alone = await Promise.all(some.map(query => teacher.ask([query])));
    expect(alone.flat()).toEqual(forwards);
    expect(new Set(forwards.map(outcome => JSON.stringify(outcome))).size).toBeGreaterThan(3);
  });

  it('reads the log-probabilities of each field, of letters', async () => {
    const {url} = await fieldServer();
    const teacher = openai({...shared, url, output: 'log-probabilities', pack: 4});
    const [outcome] = await teacher.ask(numbered(4));
    const {classes: found, logProbabilities, rest} = (outcome as {answer: TopKAnswer}).answer;
    expect([...found].toSorted()).toEqual([0, 1, 2]);
    expect(logProbabilities.reduce((sum, value) => sum + Math.exp(value), rest)).toBeCloseTo(1, 6);
  });

  it('keeps inputs of another kind, and repetitions, in requests of their own', async () => {
    const server = await serverThat(classes);
    const teacher = openai({...shared, url: server.url, output: 'label', pack: 8});
    const twice = numbered(2).flatMap(query => [query, {...query, sample: 1}]);
    await teacher.ask([...twice, {input: {kind: 'record', fields: {title: 'x'}}}]);
    expect(server.requests.map(items => items.length)).toEqual([2, 2, 1]);
    const image = {kind: 'image', mediaType: 'image/png', bytes: new Uint8Array([0x89])} as const;
    expect(labelsIn(await teacher.ask([{input: image}]))[0]).toContain('Images are asked about alone, without `pack`.');
  });

  it('has the size in its key, unless it is said not to matter; a pack of one is none', () => {
    const [query] = numbered(1);
    const keyOf = (options: Partial<OpenAiOptions<'label'>>) =>
      answerKey(openai({...shared, output: 'label', ...options}).identity, query!);
    expect(keyOf({pack: 1})).toBe(keyOf({}));
    expect(new Set([keyOf({}), keyOf({pack: 2}), keyOf({pack: 3})]).size).toBe(3);
    expect(keyOf({pack: 32, packMatters: false})).toBe(keyOf({}));
    expect(openai({...shared, output: 'label', pack: 32}).maxBatch).toBe(32);
  });

  it('takes the user’s own prompt, with the inputs where the text goes, and says after it how to answer', async () => {
    const {dispatcher, sent, answer} = offline();
    answer(path, 200, {choices: [{finish_reason: 'stop', message: {content: '{}'}}]});
    const prompt = {user: 'Classes: {classes}. Mails: {text}'};
    await openai({...shared, url: address, output: 'label', dispatcher, prompt, pack: 2}).ask(numbered(1));
    const {messages} = sent[0]!.body as {messages: {role: string; content: string}[]};
    expect(messages.map(({role}) => role)).toEqual(['user']);
    expect(messages[0]!.content).toMatch(
      /^Classes: billing\nfault\npraise\. Mails: \{\n"q\d{3}": "Text 0\."\n\}\n\nThe mess/,
    );
  });

  it.each([
    [{pack: 0}, "Expected `pack` to be 'auto' or a whole number from 1 to 64, got 0"],
    [{pack: 65}, 'got 65'],
    [{pack: 1.5}, 'got 1.5'],
    [{pack: 'most'}, 'got most'],
    [{pack: 'auto', packMatters: false, output: 'log-probabilities'}, 'Leave `packMatters` out'],
    [{pack: 2, packMatters: false, output: 'log-probabilities'}, 'Leave `packMatters` out'],
    [{pack: 2, classes: undefined, questions: [predicate('late', 'Is it late?')]}, '`questions` about one input share'],
  ] as const)('refuses %o', (options, problem) => {
    expect(() => openai({...shared, output: 'label', ...options} as never)).toThrow(problem);
  });

  it('is not offered where answers are scored one by one', () => {
    expect(() => vllm({...shared, pack: 2} as never)).toThrow('vllm has no option `pack`');
  });

  it('says the most and the fewest tokens of a packed request', async () => {
    const {dispatcher, sent, answer} = offline();
    answer(path, 200, {choices: [{finish_reason: 'stop', message: {content: '{}'}}]});
    const teacher = openai({...shared, url: address, output: 'label', dispatcher, pack: 4});
    const some = numbered(4);
    await teacher.ask(some);
    const body = sent[0]!.body as {max_tokens: number};
    expect(teacher.service!.worstCase!(some)).toEqual({
      inputTokens: Buffer.byteLength(JSON.stringify(body)),
      outputTokens: body.max_tokens,
    });
    const five = teacher.service!.worstCase!(numbered(5))!;
    expect(five.inputTokens).toBeGreaterThan(Buffer.byteLength(JSON.stringify(body)));
    const {inputTokens, outputTokens} = teacher.service!.leastCase!(some);
    expect(outputTokens).toBe(4);
    expect(inputTokens).toBeGreaterThan(20);
    expect(inputTokens).toBeLessThan(100);
  });
});

describe('a fault within a packed reply', () => {
  type Fields = readonly (readonly [string, string])[];
  /** Spoils packs only, so that an input that is asked about alone is answered. */
  const inPacks = (spoil: (fields: Fields) => Written) => (items: readonly AskedItem[], fields: Fields) =>
    items.length > 1 ? spoil(fields) : undefined;
  const faults: Readonly<Record<string, readonly [failed: number, spoil: (fields: Fields) => Written]>> = {
    'an answer is missing': [1, fields => ({text: objectText(fields.slice(1))})],
    'an answer comes twice': [1, fields => ({text: objectText([...fields, [fields[2]![0], 'fault']])})],
    'answers are in another order': [0, fields => ({text: objectText(fields.toReversed())})],
    'an answer is to an id that nobody asked about': [
      0,
      fields => ({text: objectText([['q000x', 'fault'], ...fields])}),
    ],
    'an answer is under a wrong id': [1, fields => ({text: objectText([['q12', fields[0]![1]], ...fields.slice(1)])})],
    'an answer is no class': [1, fields => ({text: objectText([[fields[0]![0], 'nonsense'], ...fields.slice(1)])})],
    'it is cut off in the middle': [
      4,
      fields => ({text: `${objectText(fields.slice(0, 4)).slice(0, -1)}, "${fields[4]![0]}": "bi`, finish: 'length'}),
    ],
    'it is filtered': [8, () => ({text: '', finish: 'content_filter'})],
    'it is no JSON': [8, () => ({text: 'I would say that all are fine.'})],
  };

  it.each(Object.entries(faults))(
    'costs no neighbour, and is asked about again alone: %s',
    async (_, [failed, spoil]) => {
      const server = await serverThat(classes, inPacks(spoil));
      const {asking, folder} = await askingIn();
      const teacher = openai({...shared, url: server.url, output: 'label', pack: 8, concurrency: 2});
      const some = numbered(16);
      const outcomes = await asking.open(teacher).teacher.ask(some);
      expect(labelsIn(outcomes)).toEqual(rightLabels(some));
      const sizes = server.requests.map(items => items.length);
      expect(sizes.filter(size => size > 1)).toEqual([8, 8]);
      expect(sizes.filter(size => size === 1)).toHaveLength(2 * failed);
      expect([...server.answered.values()].every(count => count === 1)).toBe(true);
      await asking.close();
      // All of it is kept.
      const later = await askingIn(folder);
      expect(labelsIn(await later.asking.open(teacher).teacher.ask(some))).toEqual(rightLabels(some));
      expect(server.requests).toHaveLength(sizes.length);
      await later.asking.close();
    },
  );

  it('quarantines the input alone that can’t be answered alone either', async () => {
    const server = await serverThat(classes, (items, fields) => {
      const text = objectText(fields.filter((_, index) => items[index]!.text !== 'Text 3.'));
      return {text};
    });
    const {asking} = await askingIn();
    const teacher = openai({...shared, url: server.url, output: 'label', pack: 8});
    const {teacher: layered} = asking.open(teacher);
    const some = numbered(8);
    const labels = labelsIn(await layered.ask(some));
    expect(labels.filter(label => typeof label === 'number')).toHaveLength(7);
    expect(labels[3]).toContain('Its reply is no JSON object');
    expect(labelsIn(await layered.ask(some))[3]).toContain('It is quarantined');
    expect(server.requests.map(items => items.length)).toEqual([8, 1]);
    await asking.close();
  });

  it('finds the input that makes a service refuse the request, and answers the others', async () => {
    const server = await serverThat(classes, items =>
      items.some(({text}) => text === 'Text 5.') ? {status: 400} : undefined,
    );
    const {asking} = await askingIn();
    const teacher = openai({...shared, url: server.url, output: 'label', pack: 8});
    const some = numbered(24);
    const labels = labelsIn(await asking.open(teacher).teacher.ask(some));
    expect(labels.filter(label => typeof label === 'string')).toEqual([labels[5]]);
    expect([...server.answered.values()].every(count => count === 1)).toBe(true);
    expect(server.requests.length).toBeLessThanOrEqual(3 + 2 * 3 + 2);
    await asking.close();
  });

  it.each([
    ['an id that nobody asked about', {text: '{"q1": "fault"}'}, 'has 1 answers under ids that nobody asked about'],
    ['a cut', {text: '{"q', finish: 'length'}, 'was cut off at the token limit after 0 answers'],
  ] as const)('tells of %s', async (_, written, note) => {
    const server = await serverThat(
      classes,
      inPacks(() => written),
    );
    const {asking, notes} = await askingIn();
    const teacher = openai({...shared, url: server.url, output: 'label', pack: 4});
    await asking.open(teacher).teacher.ask(numbered(4));
    expect(notes.join('\n')).toContain(note);
    await asking.close();
  });

  it('shares answers with those asked about alone if packing does not matter, from the journal as well', async () => {
    const server = await serverThat(classes);
    const options = {...shared, url: server.url, output: 'label'} as const;
    const some = numbered(8);
    const {asking, folder} = await askingIn();
    await asking.open(openai({...options, pack: 8, packMatters: false})).teacher.ask(some);
    expect(labelsIn(await asking.open(openai(options)).teacher.ask(some))).toEqual(rightLabels(some));
    await asking.close();
    // Without the store the packed reply is read again by the teacher that asks alone.
    await rm(join(folder, 'answers'), {recursive: true});
    const later = await askingIn(folder);
    expect(labelsIn(await later.asking.open(openai(options)).teacher.ask(some))).toEqual(rightLabels(some));
    expect(server.requests).toHaveLength(1);
    await later.asking.close();
  });
});
