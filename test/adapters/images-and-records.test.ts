import {describe, expect, it} from 'vitest';
import {anthropic} from '../../adapters/anthropic.ts';
import {bedrock} from '../../adapters/bedrock.ts';
import {callable} from '../../adapters/callable.ts';
import {command} from '../../adapters/command.ts';
import {decisions} from '../../adapters/decisions.ts';
import {gemini} from '../../adapters/gemini.ts';
import {http} from '../../adapters/http.ts';
import {huggingface} from '../../adapters/huggingface.ts';
import {llamaCpp} from '../../adapters/llama-cpp.ts';
import {ollama} from '../../adapters/ollama.ts';
import {openInference} from '../../adapters/open-inference.ts';
import {openai} from '../../adapters/openai.ts';
import {systemOne} from '../../adapters/system-one.ts';
import {vllm} from '../../adapters/vllm.ts';
import {predicate} from '../../src/questions.ts';
import type {Input, Json, Query, Teacher} from '../../src/teacher.ts';
import {address, type Offline, offline, problemsIn} from './replay.ts';

const bytes = Buffer.from('89504e470d0a1a0a', 'hex');
const base64 = bytes.toString('base64');
const url = `data:image/png;base64,${base64}`;
const image: Input = {kind: 'image', bytes, mediaType: 'image/png'};
const fields = {age: 3, name: 'Ann', paid: true, since: null};
const json = JSON.stringify(fields);
const record: Input = {kind: 'record', fields};

const chat = {model: 'm', classes: ['cat', 'dog'], output: 'label', key: 'very-secret'} as const;
const question = predicate('cat', 'Is it a cat?');
const asked = {model: 'm', questions: [question], key: 'very-secret'} as const;

type Make = (network: Offline) => Teacher;
interface Form {
  readonly make: Make;
  /** The path of the request. */
  readonly path: string;
  /** The part of the body that holds an image or a record. */
  readonly part: (body: unknown) => unknown;
  readonly image: unknown;
  readonly record: unknown;
  readonly question?: true;
  /** Below this address. */
  readonly at?: string;
}

/** A value inside a body; the last entry of a list is -1. */
const within = (body: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>(
    (part, step) => (Array.isArray(part) ? part.at(Number(step)) : (part as Record<string, unknown>)[step]),
    body,
  );
const userContent = (body: unknown) => within(body, 'messages', -1, 'content');
const shown = [{type: 'image_url', image_url: {url}}];

const forms: Readonly<Record<string, Form>> = {
  openai: {
    make: ({dispatcher}) => openai({...chat, url: `${address}/v1`, dispatcher}),
    ...{path: '/v1/chat/completions', part: userContent, image: shown, record: json},
  },
  'openai, Responses': {
    make: ({dispatcher}) => openai({...chat, url: `${address}/v1`, api: 'responses', dispatcher}),
    ...{path: '/v1/responses', part: body => within(body, 'input')},
    ...{image: [{role: 'user', content: [{type: 'input_image', image_url: url}]}], record: json},
  },
  anthropic: {
    make: ({dispatcher}) => anthropic({...chat, url: address, dispatcher}),
    ...{path: '/v1/messages', part: userContent, record: json},
    image: [{type: 'image', source: {type: 'base64', media_type: 'image/png', data: base64}}],
  },
  gemini: {
    make: ({dispatcher}) => gemini({...chat, url: address, dispatcher}),
    ...{path: '/models/m:generateContent', part: body => within(body, 'contents', 0, 'parts')},
    ...{image: [{inlineData: {mimeType: 'image/png', data: base64}}], record: [{text: json}]},
  },
  bedrock: {
    make: ({dispatcher}) => bedrock({...chat, region: 'eu-west-1', url: address, dispatcher}),
    ...{path: '/model/m/converse', part: userContent, record: [{text: json}]},
    image: [{image: {format: 'png', source: {bytes: base64}}}],
  },
  ollama: {
    make: ({dispatcher}) => ollama({...chat, url: address, dispatcher}),
    ...{
      path: '/api/chat',
      part: body => ({content: userContent(body), images: within(body, 'messages', -1, 'images')}),
    },
    ...{image: {content: '', images: [base64]}, record: {content: json, images: undefined}},
  },
  vllm: {
    make: ({dispatcher}) => vllm({...chat, url: address, dispatcher}),
    ...{path: '/v1/chat/completions', part: userContent, image: shown, record: json},
  },
  'llama-cpp': {
    make: ({dispatcher}) => llamaCpp({...chat, url: address, dispatcher}),
    ...{path: '/v1/chat/completions', part: userContent, image: shown, record: json},
  },
  'decisions of OpenAI': {
    make: ({dispatcher}) => decisions({...asked, dispatcher}),
    ...{path: '/v1/decisions', part: body => within(body, 'input'), question: true, at: 'https://api.openai.com'},
    image: [{role: 'user', content: [{type: 'input_image', image_url: url}]}],
    record: [{role: 'user', content: [{type: 'input_json', data: fields}]}],
  },
  'decisions of others': {
    make: ({dispatcher}) => decisions({...asked, url: address, dispatcher}),
    ...{path: '/decisions', part: body => within(body, 'input'), question: true, record: json},
    image: [{role: 'user', content: [{type: 'input_image', image_url: url}]}],
  },
  'decisions of SGLang': {
    make: ({dispatcher}) => decisions({...asked, url: address, dialect: 'sglang', dispatcher}),
    ...{
      path: '/decisions',
      part: body => ({input: within(body, 'input'), images: within(body, 'images')}),
      question: true,
    },
    ...{image: {input: '', images: [url]}, record: {input: json, images: undefined}},
  },
  'system-one of TypeSafe': {
    make: ({dispatcher}) => systemOne({...asked, dispatcher}),
    ...{
      path: '/v1/systemone',
      part: body => ({state: within(body, 'state'), assets: within(body, 'assets')}),
      question: true,
    },
    ...{at: 'https://api.typesafe.ai', record: {state: fields, assets: undefined}},
    image: {
      state: '<image:limbeck>',
      assets: {'<image:limbeck>': {type: 'image', format: 'png', data_base64: base64}},
    },
  },
  'system-one of Cloudflare': {
    make: ({dispatcher}) => systemOne({...asked, url: 'https://api.cloudflare.com/client/v4/clef', dispatcher}),
    ...{
      path: '/client/v4/clef',
      part: body => ({state: within(body, 'state'), images: within(body, 'images')}),
      question: true,
    },
    ...{
      at: 'https://api.cloudflare.com',
      image: {state: '', images: [url]},
      record: {state: fields, images: undefined},
    },
  },
  'system-one of others': {
    make: ({dispatcher}) => systemOne({...asked, url: address, dispatcher}),
    ...{path: '/v1/systemone', part: body => within(body, 'state'), question: true, image: shown, record: fields},
  },
};

describe.each(Object.entries(forms))('%s', (_, {make, path, part, question: isTyped, at, ...wanted}) => {
  it.each([
    ['an image', image, wanted.image],
    ['a record', record, wanted.record],
  ])('sends %s in its own form', async (_name, input, expected) => {
    const network = offline(at);
    network.answer(path, 200, {});
    // The reply holds no answer.
    await make(network)
      .ask([{input, ...(isTyped && {question})}])
      .catch(() => {});
    expect(part(network.sent[0]!.body)).toEqual(expected);
  });
});

describe('a chat model', () => {
  const bodyAbout = async (input: Input, options: object = {}): Promise<unknown> => {
    const network = offline();
    network.answer('/v1/chat/completions', 200, {});
    await openai({...chat, url: `${address}/v1`, dispatcher: network.dispatcher, ...options}).ask([{input}]);
    return network.sent[0]!.body;
  };

  it('is told to sort the image or the record, unless it has instructions of its own', async () => {
    const taskIn = (body: unknown) => String(within(body, 'messages', 0, 'content')).split('\n')[0];
    expect(taskIn(await bodyAbout(image))).toBe('Sort the image into one of these classes.');
    expect(taskIn(await bodyAbout(record))).toBe('Sort the record into one of these classes.');
    expect(taskIn(await bodyAbout(image, {instructions: 'Which animal?'}))).toBe('Which animal?');
  });

  it('sees the image before the words of a whole prompt', async () => {
    const prompt = {user: 'Cat or dog?\n{text}'};
    expect(userContent(await bodyAbout(image, {prompt}))).toEqual([...shown, {type: 'text', text: 'Cat or dog?\n'}]);
    expect(userContent(await bodyAbout(record, {prompt}))).toBe(`Cat or dog?\n${json}`);
  });
});

describe('the most tokens of an image', () => {
  const big: Input = {...image, bytes: Buffer.concat([bytes, Buffer.alloc(100_000)])};
  const {dispatcher} = offline();
  const makers: Readonly<Record<string, (imageTokens?: {readonly imageTokens: number}) => Teacher>> = {
    openai: options => openai({...chat, url: `${address}/v1`, dispatcher, ...options}),
    decisions: options => decisions({...asked, url: address, dispatcher, ...options}),
    'system-one': options => systemOne({...asked, url: address, dispatcher, ...options}),
  };

  it.each(Object.entries(makers))(
    'of %s are unknown unless they are declared, whatever the size of the file',
    (_, make) => {
      const most = (teacher: Teacher) => teacher.service!.worstCase!([{input: big, question}]);
      expect(most(make())).toBeUndefined();
      const [one, other] = [most(make({imageTokens: 1000}))!, most(make({imageTokens: 3000}))!];
      expect(other.inputTokens - one.inputTokens).toBe(2000);
      expect(one.inputTokens).toBeLessThan(5000);
      expect(make().service!.worstCase!([{input: record, question}])).toBeDefined();
    },
  );

  it('are known of TypeSafe', () => {
    const {worstCase} = systemOne({...asked, dispatcher}).service!;
    expect(worstCase!([{input: big, question}])!.inputTokens).toBeGreaterThan(2 * 56 ** 2);
  });
});

describe('a refusal', () => {
  it('does not quote the image or the record that it is about', async () => {
    const network = offline();
    const teacher = openai({...chat, url: `${address}/v1`, dispatcher: network.dispatcher});
    const long = {kind: 'record', fields: {note: 'a secret of more than sixteen letters'}} as const;
    const big: Input = {...image, bytes: Buffer.concat([bytes, Buffer.alloc(60, 'secret')])};
    for (const words of [
      'bad value a secret of more than sixteen letters',
      `bad image ${Buffer.from(big.bytes).toString('base64')}`,
    ])
      network.answer('/v1/chat/completions', 400, {error: {message: words}});
    const problems = problemsIn(await teacher.ask([{input: long}, {input: big}]));
    expect(problems[0]).toContain('bad valu');
    expect(problems.join()).not.toMatch(/sixteen|c2VjcmV0/);
  });
});

describe('http', () => {
  const bodyFor = async (request: Json, inputs: readonly Input[]) => {
    const network = offline();
    network.answer('/', 200, {});
    const output = {label: '/label'};
    const options = {url: address, service: 's', classes: chat.classes, output, dispatcher: network.dispatcher};
    await http({...options, request})
      .ask(inputs.map(input => ({input})))
      .catch(() => {});
    return network.sent[0]!.body;
  };

  it('puts an image into a request as a data URL or in base64, and a record as an object', async () => {
    expect(await bodyFor({a: 'see {image}', b: '{base64}'}, [image])).toEqual({a: `see ${url}`, b: base64});
    expect(await bodyFor({row: '{record}'}, [record])).toEqual({row: fields});
    expect(await bodyFor({rows: '{records}'}, [record, record])).toEqual({rows: [fields, fields]});
    expect(await bodyFor({images: {'{each}': {b64: '{base64}'}}}, [image, image])).toEqual({
      images: [{b64: base64}, {b64: base64}],
    });
    expect(await bodyFor({images: '{base64s}'}, [image])).toEqual({images: [base64]});
  });

  it.each([
    [{a: '{image}', b: '{text}'}, 'It has placeholders for images and texts.'],
    [{a: 'row: {record}'}, '"{record}" stands for an object, and can\'t be part of a longer string.'],
  ])('refuses the request %j', (request, problem) => {
    const output = {label: '/label'};
    expect(() => http({url: address, service: 's', classes: chat.classes, output, request})).toThrow(problem);
  });
});

describe('teachers on this machine', () => {
  it('get the whole input', async () => {
    const seen: Input[] = [];
    const teacher = callable({
      ...{name: 'f', version: '1', classes: ['a', 'b']},
      answer: input => {
        seen.push(input);
        return 'a';
      },
    });
    await teacher.ask([{input: image}, {input: record}]);
    expect(seen).toEqual([image, record]);
  });

  it('read an image in base64 and a record as an object on their standard input', async () => {
    const script = `require('readline').createInterface({input: process.stdin}).on('line', line => {
      const {id, image, record} = JSON.parse(line);
      console.log(JSON.stringify({id, label: image ? image.mediaType + ' ' + image.base64 : record.name}));
    });`;
    const classes = [`image/png ${base64}`, 'Ann'];
    const outcomes = await command({command: ['node', '-e', script], classes}).ask([{input: image}, {input: record}]);
    expect(outcomes.map(one => ('answer' in one ? one.answer : one.error))).toEqual([
      {kind: 'label', label: 0},
      {kind: 'label', label: 1},
    ]);
  });
});

describe('an adapter that can not take an input', () => {
  const network = offline();
  const makers: Readonly<Record<string, Make>> = {
    huggingface: ({dispatcher}) => huggingface({model: 'm', classes: chat.classes, key: 'k', dispatcher}),
    'open-inference': ({dispatcher}) =>
      openInference({url: address, model: 'm', classes: chat.classes, output: {label: 'label'}, dispatcher}),
    'vllm, exact': ({dispatcher}) => vllm({...chat, output: 'log-probabilities', url: address, dispatcher}),
  };
  it.each(Object.keys(makers).filter(name => !name.includes('exact')))(
    '%s refuses it before it asks, and says who takes it',
    async name => {
      const problems = problemsIn(await makers[name]!(network).ask([{input: image}]));
      expect(problems[0]).toMatch(/this input is an image\. Images are taken by the adapters/);
      expect(network.sent).toEqual([]);
    },
  );

  it('that speaks to TypeSafe refuses WebP', async () => {
    const webp: Query = {
      input: {kind: 'image', bytes: Buffer.from('RIFF\0\0\0\0WEBP'), mediaType: 'image/webp'},
      question,
    };
    expect(problemsIn(await systemOne({...asked, dispatcher: network.dispatcher}).ask([webp]))[0]).toContain(
      'Convert it.',
    );
  });
});
