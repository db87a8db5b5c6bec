import {describe, expect, it} from 'vitest';
import {writtenIn} from '../../../adapters/_chat/writer.ts';
import {anthropic} from '../../../adapters/anthropic.ts';
import {gemini} from '../../../adapters/gemini.ts';
import {ollama} from '../../../adapters/ollama.ts';
import {openai} from '../../../adapters/openai.ts';
import {vllm} from '../../../adapters/vllm.ts';
import type {Writer} from '../../../src/writer.ts';
import {address, type Offline, offline, text} from '../replay.ts';

const texts = ['where is my parcel?', 'It should have been here on Monday.'];
const content = JSON.stringify({texts});
const schema = {
  type: 'object',
  properties: {texts: {type: 'array', items: {type: 'string'}}},
  required: ['texts'],
  additionalProperties: false,
};

interface Case {
  readonly writer: (network: Offline) => Writer;
  readonly path: string;
  readonly reply: object;
  /** What the request holds. */
  readonly body: object;
}

const common = ({dispatcher}: Offline) =>
  ({model: 'pen-1', url: address, key: 'k-12345678', output: 'texts', dispatcher}) as const;
const user = {role: 'user', content: 'Write 2 texts.'};

const CASES: Readonly<Record<string, Case>> = {
  'openai, chat completions': {
    writer: network => openai(common(network)),
    path: '/chat/completions',
    reply: {choices: [{finish_reason: 'stop', message: {content}}]},
    body: {max_tokens: 4096, response_format: {type: 'json_schema', json_schema: {schema}}},
  },
  'openai, responses': {
    writer: network => openai({...common(network), api: 'responses', maxTokens: 900}),
    path: '/responses',
    reply: {status: 'completed', output: [{type: 'message', content: [{type: 'output_text', text: content}]}]},
    body: {max_output_tokens: 900, text: {format: {schema}}, input: 'Write 2 texts.'},
  },
  anthropic: {
    writer: network => anthropic(common(network)),
    path: '/v1/messages',
    reply: {model: 'pen-1', content: [{type: 'text', text: content}], stop_reason: 'end_turn'},
    body: {max_tokens: 4096, output_config: {format: {schema}}, messages: [user]},
  },
  gemini: {
    writer: network => gemini(common(network)),
    path: '/models/pen-1:generateContent',
    reply: {candidates: [{content: {parts: [{text: content}]}, finishReason: 'STOP'}]},
    body: {generationConfig: {maxOutputTokens: 4096, responseJsonSchema: schema}},
  },
  ollama: {
    writer: network => ollama({...common(network), temperature: 0.9}),
    path: '/api/chat',
    reply: {message: {content}, done_reason: 'stop'},
    body: {format: schema, options: {num_predict: 4096, temperature: 0.9}},
  },
};

describe('a language model as a writer', () => {
  it.each(Object.entries(CASES))('gives the texts of its reply, by the protocol of %s', async (_, one) => {
    const network = offline();
    network.answer(one.path, 200, one.reply);
    const {model, prompted} = one.writer(network);
    expect(model).toBe('pen-1');
    expect(await prompted.ask([text('Write 2 texts.')])).toEqual([{answer: {kind: 'label', label: 0, texts}}]);
    expect(network.sent[0]!.body).toMatchObject(one.body);
    expect(JSON.stringify(prompted.identity)).not.toContain('k-12345678');
  });

  it('leaves the temperature to the service, so that texts differ', async () => {
    const network = offline();
    network.answer('/chat/completions', 200, CASES['openai, chat completions']!.reply);
    await openai({...common(network), structured: false}).prompted.ask([text('Write.')]);
    expect(network.sent[0]!.body).not.toHaveProperty('temperature');
    expect(network.sent[0]!.body).not.toHaveProperty('response_format');
  });

  it('takes no options that are about answers', () => {
    const given = {...common(offline()), classes: ['a', 'b']};
    expect(() => openai(given as never)).toThrow('openai has no option `classes`.');
    expect(() => anthropic({...common(offline()), samples: 3} as never)).toThrow('anthropic has no option `samples`.');
    expect(() => vllm({...common(offline()), classes: ['a', 'b']} as never)).toThrow('`output` takes one of');
  });
});

describe('writtenIn', () => {
  const read = (answer: string, finish: 'stop' | 'length' | 'filtered' | 'refused' = 'stop') =>
    writtenIn({text: answer, finish});

  it('reads a list in an object, alone, and in a fence, and leaves out empty texts', () => {
    for (const answer of [content, JSON.stringify(texts), `Here they are:\n\`\`\`json\n${content}\n\`\`\``]) {
      expect(read(answer)).toEqual({kind: 'label', label: 0, texts});
    }
    expect(read('{"texts": ["one \\"two\\"", " ", "é\\u00e9\\n"]}')).toMatchObject({texts: ['one "two"', 'éé']});
  });

  it('gives the whole texts of an answer that was cut off', () => {
    expect(read('{"texts": ["first", "second", "thi', 'length')).toMatchObject({texts: ['first', 'second']});
    expect(read('{"texts": ["fir', 'length')).toMatchObject({
      unreadable: false,
      problem: expect.stringContaining('maxTokens'),
    });
  });

  it('keeps an empty list as an answer, so that it is not bought again', () => {
    expect(read('{"texts": []}')).toEqual({kind: 'label', label: 1, texts: []});
  });

  it('says why there are no texts', () => {
    expect(read('I would rather not.')).toMatchObject({unreadable: true});
    expect(read('[{"text": "one"}]')).toMatchObject({unreadable: true});
    expect(read(content, 'refused')).toMatchObject({problem: 'The model refused to write these texts.'});
    expect(read('', 'filtered')).toMatchObject({unreadable: false});
  });
});
