import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {promptText} from '../../src/serve/chat-form.ts';

describe('promptText', () => {
  it('takes the whole message where nothing is said', () => {
    expect(promptText(undefined)(' a mail ')).toBe(' a mail ');
  });

  it('takes what stands in the place of the text', () => {
    const find = promptText('Sort:\n{text}\n\nIn a word. ');
    expect(find('Sort:\na mail\nof two lines\n\nIn a word.')).toBe('a mail\nof two lines');
    expect(find('  Sort:\r\na mail\r\n\r\nIn a word.\r\n')).toBe('a mail');
    expect(find('Sort:\n\n\nIn a word.')).toBe('');
    expect(promptText('Sort: {text}')('Sort: In a word.')).toBe('In a word.');
  });

  it('finds nothing in other messages', () => {
    const find = promptText('Sort: {text} In a word.');
    for (const message of ['a mail', 'Sort: a mail', 'a mail In a word.', 'Sort: In a word.', '']) {
      expect(find(message)).toBeUndefined();
    }
  });

  it('takes the first group of a regular expression', () => {
    const find = promptText('/<mail>(.+?)<\\/mail>/si');
    expect(find('Sort <MAIL>one\ntwo</MAIL> and <mail>three</mail>')).toBe('one\ntwo');
    expect(find('Sort it')).toBeUndefined();
    const again = promptText('/: (.*)/g');
    expect([again('a: b'), again('a: b')]).toEqual(['b', 'b']);
  });

  it.each(['Sort it', '{text} and {text}', '/(/', '/a/xyz'])('refuses %j', prompt => {
    expect(() => promptText(prompt)).toThrow(InputError);
  });
});
