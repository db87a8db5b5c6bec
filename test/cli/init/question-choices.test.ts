import {describe, expect, it} from 'vitest';
import {askQuestions, questionsText} from '../../../src/cli/init/question-choices.ts';
import {predicate, score} from '../../../src/questions.ts';
import {person} from './person.ts';

describe('questions that a person gives', () => {
  it('have a name, words, a type, and a line for each option or level', async () => {
    const dialogue = person(
      ...['topic', 'What is it about?', 'choice', 'billing: invoices, prices', 'other', ''],
      ...['urgent', 'Must it be answered today?', 'pred', 'money is at stake', ''],
      ...['mood', 'How content is the writer?', 'score', 'angry', 'calm: neither', 'happy', '', ''],
    );
    expect(await askQuestions(dialogue)).toEqual([
      {
        ...{type: 'choice', name: 'topic', instructions: 'What is it about?'},
        options: [{name: 'billing', description: 'invoices, prices'}, {name: 'other'}],
      },
      {type: 'predicate', name: 'urgent', instructions: 'Must it be answered today?', yes: 'money is at stake'},
      {
        ...{type: 'score', name: 'mood', instructions: 'How content is the writer?'},
        levels: [{name: 'angry'}, {name: 'calm', description: 'neither'}, {name: 'happy'}],
      },
    ]);
    expect(dialogue.asked.at(-1)).toBe('Name of question 4 (Enter: no more):');
  });

  it('are choices unless they are said to be something else', async () => {
    const questions = await askQuestions(person('topic', 'What?', '', 'a', 'b', '', ''));
    expect(questions).toMatchObject([{type: 'choice'}]);
  });

  it('are asked for again where they can’t be asked', async () => {
    const dialogue = person(
      ...['', 'a', '', 'What?', 'text', 'score', '', '1', '1', '0', '2', ''],
      ...['a', 'b', 'Is it so?', 'predicate', '', '', ''],
    );
    const questions = await askQuestions(dialogue);
    expect(questions).toEqual([
      {type: 'score', name: 'a', instructions: 'What?', levels: [{name: '1'}, {name: '2'}]},
      {type: 'predicate', name: 'b', instructions: 'Is it so?'},
    ]);
    expect(dialogue.problems).toEqual([
      'Give one question at least.',
      'The teacher needs words.',
      expect.stringContaining('There is no type `text`'),
      expect.stringContaining('needs a name'),
      expect.stringContaining('Order them from the lowest to the highest'),
      expect.stringContaining('Order them from the lowest to the highest'),
      'There is a question `a` already.',
    ]);
  });
});

describe('the review of questions', () => {
  it('has a line for each, with its classes', () => {
    const text = questionsText([predicate('urgent', ''), score('mood', 'How?', ['low', 'high'])]);
    expect(text.split('\n')).toEqual([
      'Asked about each text: 2 questions',
      '  urgent: no instructions (predicate: no, yes)',
      '  mood: How? (score: low, high)',
    ]);
  });
});
