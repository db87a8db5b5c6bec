import {describe, expect, it} from 'vitest';
import {recordIn} from '../../../src/data/logs/record.ts';
import {InputError} from '../../../src/errors.ts';

const classes = ['ham', 'spam'];
const find = (fields: object, named = {}) => recordIn({...fields}, named, classes, 'log.jsonl, line 1');

const messages = [
  {role: 'system', content: 'Sort.'},
  {role: 'user', content: 'Win now'},
];

describe('the record of a log', () => {
  it.each([
    ['a text and its label', {text: 'Win now', label: 'spam'}],
    ['a prompt and its completion', {prompt: 'Win now', completion: 'spam'}],
    ['an input and an output', {input: 'Win now', output: 'spam'}],
    ['a chat request beside its reply', {messages, response: 'spam'}],
    [
      'a request within a field',
      {request: {model: 'm', messages}, response: {choices: [{message: {content: 'spam'}}]}},
    ],
    ['a conversation that ends with the answer', {messages: [...messages, {role: 'assistant', content: 'spam'}]}],
    ['a stored completion', {choices: [{message: {content: 'spam'}}], messages: {object: 'list', data: messages}}],
    ['a request as the text of a cell', {messages: JSON.stringify(messages), completion: 'spam'}],
    [
      'parts of messages',
      {
        messages: [
          {
            role: 'user',
            content: [
              {type: 'text', text: 'Win '},
              {type: 'text', text: 'now'},
            ],
          },
        ],
        output: {role: 'assistant', content: [{type: 'text', text: 'spam'}]},
      },
    ],
    ['a request to Responses', {body: {instructions: 'Sort.', input: 'Win now'}, response: {output_text: 'spam'}}],
    [
      'a batch of Anthropic',
      {
        request: {system: 'Sort.', messages: messages.slice(1)},
        result: {type: 'succeeded', message: {content: [{text: 'spam'}]}},
      },
    ],
    [
      'a request to Gemini',
      {
        request: {contents: [{role: 'user', parts: [{text: 'Win now'}]}]},
        response: {candidates: [{content: {parts: [{text: 'spam'}]}}]},
      },
    ],
    [
      'messages of LangChain',
      {inputs: {messages: [[{type: 'human', content: 'Win now'}]]}, outputs: {generations: [[{text: 'spam'}]]}},
    ],
  ])('is found in %s', (_, fields) => {
    const {text, reply, isFailed} = find(fields);
    expect({text, said: reply?.text, isFailed}).toEqual({text: 'Win now', said: 'spam', isFailed: false});
  });

  it('is found by the paths that the user names', () => {
    const fields = {
      data: {body: 'Win now', label: 'true label'},
      said: {by: 'gpt', class: 'spam'},
      day: '2024-05-01',
      p_ham: '0.1',
      p_spam: '0.9',
    };
    const named = {text: 'data.body', label: 'said.class', probabilities: 'p_*', date: 'day', model: 'said.by'};
    expect(find(fields, named)).toMatchObject({
      text: 'Win now',
      reply: {text: 'spam'},
      probabilities: {ham: '0.1', spam: '0.9'},
      date: '2024-05-01T00:00:00.000Z',
      model: 'gpt',
      foundIn: {text: 'data.body', answer: 'said.class, p_*'},
    });
  });

  it('leaves a text alone that looks like a request, and an answer that looks like a reply', () => {
    const text = JSON.stringify({messages});
    expect(find({text, label: '{"label": "spam"}'})).toMatchObject({
      text,
      request: undefined,
      reply: {text: '{"label": "spam"}'},
    });
  });

  it('says which fields could be the answer if there are several', () => {
    expect(() => find({text: 'a', label: 'ham', prediction: 'spam'})).toThrow(InputError);
    expect(() => find({text: 'a', label: 'ham', prediction: 'spam'})).toThrow(
      'log.jsonl, line 1: `label` and `prediction` could each be the answer. Name the right one with `--label`.',
    );
    expect(() => find({question: 'a', prompt: 'b', label: 'ham'})).toThrow('Name the right one with `--text`.');
  });

  it.each([
    ['an error', {messages, error: {message: 'overloaded'}}],
    ['a status', {messages, response: {status_code: 429, body: {}}}],
    ['a batch', {custom_id: 'a', result: {type: 'errored', error: {}}}],
  ])('is a failed request by %s', (_, fields) => {
    expect(find(fields).isFailed).toBe(true);
  });

  it.each([
    [1_700_000_000, '2023-11-14T22:13:20.000Z'],
    [1_700_000_000_000, '2023-11-14T22:13:20.000Z'],
    ['1700000000', '2023-11-14T22:13:20.000Z'],
    [1_700_000_000n, '2023-11-14T22:13:20.000Z'],
    ['yesterday', undefined],
  ])('reads the date %s', (timestamp, date) => {
    expect(find({text: 'a', label: 'ham', timestamp}).date).toBe(date);
  });
});
