import {describe, expect, it} from 'vitest';
import {openai} from '../../../adapters/openai.ts';
import {loggedPrompt} from '../../../src/ask/import/prompt.ts';

const options = {model: 'sorter', classes: ['ham', 'spam'], output: 'label', key: 'none'} as const;
const teacher = openai({...options, prompt: {system: 'Sort.', user: 'Mail: {text}\nClass:'}});

describe('the prompt of a log', () => {
  it('is the teacher’s own if a message has its words around the text', () => {
    const prompt = loggedPrompt(teacher);
    expect(prompt.textIn('Mail: Win {text} now\nClass:')).toBe('Win {text} now');
    expect(prompt.textIn('Win now')).toBe('Win now');
  });

  it('is the one that the user gives, and no other', () => {
    const prompt = loggedPrompt(teacher, 'Is this spam? {text}');
    expect(prompt.textIn('Is this spam? Win now')).toBe('Win now');
    expect(prompt.textIn('Mail: Win now\nClass:')).toBeUndefined();
  });

  it('is verified if the whole request has the teacher’s words and model', () => {
    const {isOwn} = loggedPrompt(teacher);
    const messages = [
      {role: 'system', content: 'Sort.'},
      {role: 'user', content: 'Mail: Win now\nClass:'},
    ];
    expect(isOwn({messages}, 'Win now')).toBe(true);
    expect(isOwn({messages, model: 'sorter', user: 'me'}, 'Win now')).toBe(true);
    expect(isOwn({messages, model: 'other'}, 'Win now')).toBe(false);
    expect(isOwn({messages: messages.slice(1)}, 'Win now')).toBe(false);
    expect(isOwn({}, 'Win now')).toBe(false);
  });
});
