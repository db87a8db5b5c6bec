import {describe, expect, it} from 'vitest';
import {
  readClassNames,
  readCount,
  readDescribed,
  readName,
  readOneOf,
  readPrice,
  readUrl,
  serviceMenu,
  serviceReader,
} from '../../../src/cli/init/readers.ts';
import {INIT_SERVICES} from '../../../src/cli/init/services.ts';

describe('what a person writes', () => {
  it('names a class, with a line on it or without', () => {
    expect(readDescribed('refund: wants money: all of it')).toEqual({
      name: 'refund',
      description: 'wants money: all of it',
    });
    expect(readDescribed(' a:b ')).toEqual({name: 'a:b', description: undefined});
    expect(() => readDescribed(': nothing')).toThrow('needs a name');
  });

  it('names classes with commas between', () => {
    expect(readClassNames(' bug, needs work ,praise,')).toEqual(['bug', 'needs work', 'praise']);
    expect(() => readClassNames('bug')).toThrow('two classes at least');
    expect(() => readClassNames('bug, praise, bug')).toThrow('`bug` is given twice');
  });

  it('names a service, or gives its number in the menu', () => {
    expect(serviceReader(INIT_SERVICES)('Gemini').name).toBe('gemini');
    expect(serviceReader(INIT_SERVICES)('1').name).toBe('openai');
    expect(serviceMenu(INIT_SERVICES).split('\n')[1]).toContain('2  anthropic');
    expect(() => serviceReader(INIT_SERVICES)('9')).toThrow('It is one of openai, anthropic');
  });

  it('is one of some words, or the start of just one of them', () => {
    const read = readOneOf('output', ['label', 'log-probabilities', 'confidence', 'label-2']);
    expect([read('log'), read('label')]).toEqual(['log-probabilities', 'label']);
    expect(() => read('l')).toThrow('There is no output `l`');
    expect(() => read('')).toThrow('There is no output');
  });

  it('is a whole number between two others', () => {
    const read = readCount(10, 20);
    expect([read('10'), read('20')]).toEqual([10, 20]);
    for (const text of ['9', '21', '1e1', '', 'ten']) expect(() => read(text)).toThrow('from 10 to 20');
  });

  it('is a price for tokens in and out, or nothing', () => {
    const price = {perMillionInputTokens: 0.4, perMillionOutputTokens: 1.6};
    expect([readPrice('0.4,1.6'), readPrice('$0.4 $1.6'), readPrice('')]).toEqual([price, price, undefined]);
    for (const text of ['0.4', '0.4,', 'a,b', '1,2,3', '-1,2']) {
      expect(() => readPrice(text)).toThrow('two amounts of dollars');
    }
  });

  it('is an address that holds no secret', () => {
    expect(readUrl('https://host.test/v1')).toBe('https://host.test/v1');
    for (const text of ['host.test', 'ftp://host.test', 'https://me:key@host.test', 'https://host.test/v1?key=1']) {
      expect(() => readUrl(text)).toThrow('no user, no key and no query');
    }
  });

  it('names a recipe, and with it a folder', () => {
    expect(readName('my_tickets-2.1')).toBe('my_tickets-2.1');
    for (const text of ['', '../up', 'a b', '.hidden']) expect(() => readName(text)).toThrow("can't name a recipe");
  });
});
