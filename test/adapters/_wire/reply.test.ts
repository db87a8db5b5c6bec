import {beforeAll, describe, expect, it} from 'vitest';
import {ownWords} from '../../../adapters/_wire/reply.ts';
import {keepSecret} from '../../../src/secrets.ts';
import type {Input} from '../../../src/teacher.ts';

const KEY = 'sk-proj-Ab12Cd34Ef56Gh78Ij90';
const wordsOf = (body: unknown, inputs: readonly string[] = []): string | undefined =>
  ownWords(
    {headers: {}, body: typeof body === 'string' ? body : JSON.stringify(body)},
    inputs.map((text): Input => ({kind: 'text', text})),
  );

describe('the words of a service', () => {
  beforeAll(() => void keepSecret(KEY));

  it.each([
    ['a message', {error: {message: 'No such model', code: 7}}, 'No such model'],
    ['a text', {error: 'No such model'}, 'No such model'],
    ['a detail', {detail: 'Not Found'}, 'Not Found'],
    ['a list of FastAPI', {detail: [{loc: ['body', 'x', 0], msg: 'Field required', input: 5}]}, 'x.0: Field required'],
    ['several', {detail: [{loc: ['body', 'x'], msg: 'a'}, {msg: 'b'}, {msg: 'c'}]}, 'x: a (and 2 more)'],
    ['a short message and more', {error: 'Bad Request', message: 'x is no number'}, 'Bad Request: x is no number'],
    ['the same twice', {error: 'x is no number', message: 'x is no number'}, 'x is no number'],
    ['problems by field', {errors: {x: ['is missing']}}, 'x: is missing'],
    ['the JSON of another service', {error: {message: '{"error": {"message": "too hot"}}'}}, 'too hot'],
    [
      'a page',
      '<html><head><title>404</title><style>a{}</style></head><body><h1>No  page</h1></body></html>',
      '404 No page',
    ],
    ['plain text', 'no healthy upstream\n', 'no healthy upstream'],
    ['several lines', {message: 'one\n\ttwo\u0007'}, 'one two'],
    [
      'a stack trace after a message',
      'It broke\nTraceback (most recent call last):\n  File "a.py"\nKeyError',
      'It broke',
    ],
    ['a stack trace alone', 'Traceback (most recent call last):\n  File "a.py"\nKeyError: 4', 'KeyError: 4'],
    ['a list of numbers', {error: 'got [[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]]'}, 'got […]'],
    ['a shape', {error: 'expected [-1,4], got [1,3]'}, 'expected [-1,4], got [1,3]'],
    ['nothing', {ok: false}, undefined],
    ['an empty body', '', undefined],
    ['a number', '7', undefined],
  ])('are found in %s', (_, body, words) => {
    expect(wordsOf(body)).toBe(words);
  });

  it('are cut at 300 characters', () => {
    const words = wordsOf({error: 'word '.repeat(200)});
    expect(words).toMatch(/^(word ){50,60}…$/);
  });

  it.each([
    [`wrong key ${KEY}`, 'wrong key [secret]'],
    [`wrong key ${KEY.slice(0, 14)}`, 'wrong key [secret]'],
    [`wrong key ${KEY.slice(0, 7)}********${KEY.slice(-4)}.`, 'wrong key [secret]'],
    ['wrong key sk-...Ij90, twice', 'wrong key [secret], twice'],
    ['stars *** and dots... stay', 'stars *** and dots... stay'],
  ])('hold no key and no part of one: %s', (said, shown) => {
    expect(wordsOf({error: said})).toBe(shown);
  });

  it('hold nothing of the text that was asked about', () => {
    const text = 'My parcel, sent on 3 May,\nhas not come. "Why"?';
    expect(wordsOf({error: `can't read: ${text}`}, [text])).toBe(`can't read: …"?`);
    expect(wordsOf({error: `in ${JSON.stringify(text)} there is a date`}, ['another', text])).toBe(
      'in "…\\"?" there is a date',
    );
    expect(wordsOf({error: 'no class for "parcel" here, parcel'}, ['parcel'])).toBe('no class for "…" here, parcel');
    expect(wordsOf({error: 'the model is not there'}, [text])).toBe('the model is not there');
  });
});
