import {describe, expect, it} from 'vitest';
import {classesOf} from '../src/question.ts';
import {checkQuestions, choice, predicate, score} from '../src/questions.ts';

describe('a question', () => {
  it('has its options in the order in which they are named', () => {
    const topic = choice('topic', 'What is it about?', {billing: 'Invoices.', bug: 'A fault.'});
    expect(topic.options).toEqual([
      {name: 'billing', description: 'Invoices.'},
      {name: 'bug', description: 'A fault.'},
    ]);
    expect(classesOf(topic)).toEqual(['billing', 'bug']);
    expect(classesOf(score('pain', 'How much?', ['none', 'some', 'much']))).toEqual(['none', 'some', 'much']);
    expect(classesOf(predicate('urgent', 'Today?', {yes: 'It says so.'}))).toEqual(['no', 'yes']);
  });

  it('is refused with less than two options, or with two of one name', () => {
    expect(() => choice('topic', 'What?', ['one'])).toThrow(
      'Expected `options` of question `topic` to be 2 or more, got 1.',
    );
    expect(() => score('pain', 'How much?', ['a', 'b', 'a'])).toThrow('have the name `a`');
    expect(() => score('pain', 'How much?', ['a', ''])).toThrow('has no name');
  });
});

describe('the questions of a teacher', () => {
  const topic = choice('topic', 'What?', ['a', 'b', 'c']);

  it('have names of their own, and no more options than the service takes', () => {
    expect(() => checkQuestions('clerk', [topic, predicate('urgent', 'Today?')])).not.toThrow();
    expect(() => checkQuestions('clerk', [])).toThrow('Teacher clerk has no question.');
    expect(() => checkQuestions('clerk', [topic, predicate('topic', 'Today?')])).toThrow('have the name `topic`');
    expect(() => checkQuestions('clerk', [topic], {options: 2})).toThrow('takes at most 2');
    expect(() => checkQuestions('clerk', [{...topic, type: 'box'} as never])).toThrow('has type "box"');
  });
});
