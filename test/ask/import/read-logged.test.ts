import {describe, expect, it} from 'vitest';
import {anthropic} from '../../../adapters/anthropic.ts';
import {http} from '../../../adapters/http.ts';
import {openai} from '../../../adapters/openai.ts';
import {loggedReader} from '../../../src/ask/import/read-logged.ts';
import {recordIn} from '../../../src/data/logs/record.ts';
import type {Detail, Teacher} from '../../../src/teacher.ts';
import {fakeTeacher} from '../fake-teacher.ts';

const classes = ['ham', 'spam', 'unsure'];
const shared = {model: 'sorter', classes, key: 'none'};
const labels = openai({...shared, output: 'label', aliases: {junk: 'spam'}});
const codes = openai({...shared, output: 'log-probabilities', topLogprobs: 3});

const read = (teacher: Teacher, fields: object, wanted: Detail = teacher.detail) =>
  loggedReader(teacher, wanted)(recordIn({text: 'a', ...fields}, {}, classes, 'line 1'));

const completion = (content: string, more = {}) => ({choices: [{finish_reason: 'stop', message: {content}, ...more}]});

const label = (index: number) => ({answer: {kind: 'label', label: index}, detail: {kind: 'label'}});

describe('a logged answer', () => {
  it.each([
    ['a class', {label: 'spam'}],
    ['a class in other letters and quotes', {label: ' "Spam". '}],
    ['an alias', {label: 'junk'}],
    ['JSON with a label', {label: '{"label": "spam"}'}],
    ['a completion', {response: completion('spam')}],
    ['a reply of another service', {response: {content: [{type: 'text', text: 'junk'}]}}],
    ['the most probable class', {probabilities: {ham: 0.2, spam: 0.7, unsure: 0.1}}],
    ['a label beside other probabilities', {label: 'spam', probabilities: {ham: 1, spam: 0, unsure: 0}}],
  ])('of a black box is %s', (_, fields) => {
    expect(read(labels, fields)).toEqual(label(1));
  });

  it('is read by the names of the classes if the teacher has no words of its own', () => {
    const teacher = fakeTeacher({access: 'black-box', detail: {kind: 'label'}, classes}, () => []);
    expect(read(teacher, {label: ' SPAM'})).toEqual(label(1));
    expect(read(teacher, {label: 'junk'})).toEqual({unknownLabel: 'junk'});
  });

  it('is read by the labels and aliases of a service that takes JSON, and by the classes', () => {
    const words = {classes, labels: ['LABEL_0', 'LABEL_1', 'LABEL_2'], aliases: {junk: 'spam'}};
    const request = {text: '{text}'};
    const teacher = http({
      url: 'http://127.0.0.1:9/',
      service: 'sorter',
      request,
      output: {label: '/label'},
      ...words,
    });
    for (const said of ['LABEL_1', 'junk', 'spam']) expect(read(teacher, {label: said})).toEqual(label(1));
    expect(read(teacher, {label: 'LABEL_7'})).toEqual({unknownLabel: 'LABEL_7'});
  });

  it('is read as its own service reads it', () => {
    const teacher = anthropic({...shared, output: 'label'});
    expect(read(teacher, {response: {content: [{type: 'text', text: 'spam'}], stop_reason: 'end_turn'}})).toEqual(
      label(1),
    );
    const cut = completion('spam', {finish_reason: 'length'});
    expect(read(labels, {response: cut})).toMatchObject({unreadable: expect.stringContaining('cut off')});
  });

  it('has a label outside the class list, which is told', () => {
    expect(read(labels, {label: 'Spam mail'})).toEqual({unknownLabel: 'Spam mail'});
    expect(read(labels, {response: completion('Spam mail')})).toEqual({unknownLabel: 'Spam mail'});
    expect(read(labels, {probabilities: {ham: 0.5, junk: 0.2, other: 0.3}})).toEqual({unknownLabel: 'other'});
    expect(read(labels, {})).toEqual({unreadable: 'it holds no answer'});
  });

  it('of a gray box is a whole distribution, or as many classes as are needed', () => {
    const whole = read(codes, {logprobs: {ham: Math.log(0.2), A: Math.log(0.1), spam: Math.log(0.7)}});
    expect(whole).toEqual({unreadable: 'it scores class `ham` twice'});
    const list = read(codes, {probabilities: [0.2, 0.7, 0.1]});
    expect(list).toMatchObject({detail: {kind: 'log-probabilities'}});
    const some = {probabilities: {spam: 0.7, ham: 0.2}};
    expect(read(codes, some)).toEqual({tooLittle: 'top-k (k = 2)'});
    const two = read(codes, some, {kind: 'top-k', k: 2});
    expect(two).toMatchObject({answer: {kind: 'top-k', classes: Int32Array.of(1, 0)}, detail: {kind: 'top-k', k: 2}});
    expect('answer' in two && two.answer.kind === 'top-k' ? two.answer.rest : undefined).toBeCloseTo(0.1, 9);
  });

  it('of a gray box is that of its tokens, if they are the codes of the teacher', () => {
    const top_logprobs = [0.7, 0.2, 0.1].map((p, index) => ({token: 'BAC'[index]!, logprob: Math.log(p)}));
    const content = [{token: 'B', logprob: Math.log(0.7), top_logprobs}];
    const own = read(codes, {response: completion('B', {logprobs: {content}})});
    expect(own).toMatchObject({answer: {kind: 'top-k', classes: Int32Array.of(1, 0, 2)}});
    expect(read(codes, {label: 'B', logprobs: content})).toEqual(own);
    expect(read(codes, {response: completion('B')})).toEqual({tooLittle: 'label'});
    expect(read(codes, {label: 'spam'})).toEqual({tooLittle: 'label'});
  });

  it('of a gray box is none if its tokens are other words than the codes', () => {
    const tokens = [
      ['spam', 0.98],
      ['ham', 0.01],
      ['A', 0.001],
    ] as const;
    const top_logprobs = tokens.map(([token, p]) => ({token, logprob: Math.log(p)}));
    const content = [{...top_logprobs[0], top_logprobs}];
    expect(read(codes, {response: completion('spam', {logprobs: {content}})})).toMatchObject({
      unreadable: expect.stringContaining('codes'),
    });
  });

  it('of a gray box may be sampled, so that its label is not the most probable', () => {
    const sampled = read(codes, {label: 'ham', probabilities: {ham: 0.2, spam: 0.7, unsure: 0.1}});
    expect(sampled).toMatchObject({detail: {kind: 'log-probabilities'}});
  });

  it.each([
    [{ham: 0.9, spam: 0.4, unsure: 0}, 'its probabilities sum to 1.300, not 1'],
    [{ham: 0.1, spam: 0.4, unsure: 0}, 'its probabilities sum to 0.5000, not 1'],
    [{ham: 'much', spam: 0.4, unsure: 0}, 'the score of `ham` is much'],
    [{ham: -0.1, spam: 1.1, unsure: 0}, 'the score of `ham` is -0.1'],
  ])('with the probabilities %j cannot be read', (probabilities, unreadable) => {
    expect(read(codes, {probabilities})).toEqual({unreadable});
  });
});
