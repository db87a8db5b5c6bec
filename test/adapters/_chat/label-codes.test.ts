import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {labelMatcher, parseLabel, plain} from '../../../adapters/_chat/projection-text.ts';
import {labelCodes, promptsFor} from '../../../adapters/_chat/prompt.ts';
import {InputError} from '../../../src/errors.ts';

const utf8 = (text: string): number[] => [...new TextEncoder().encode(text)];

/** The state of a partial text: a class, `class?` if only one is possible, all possible classes, or nothing. */
function read(text: string | number[], ...labels: string[]): string {
  const reading = labelMatcher(labels).read(typeof text === 'string' ? utf8(text) : text);
  const names = reading.labels.map(label => labels[label]).sort();
  return reading.isDecided ? names.join() : names.map(name => `${name}?`).join(' ');
}

function readWhole(text: string, ...labels: string[]): string | undefined {
  const [label] = labelMatcher(labels).readWhole(utf8(text)).labels;
  return label === undefined ? undefined : labels[label];
}

describe('labelCodes', () => {
  it('takes names of one letter or digit as they are', () => {
    expect(labelCodes([...'0123456789'])).toEqual([...'0123456789']);
    expect(labelCodes(['n', 'e', 'p'])).toEqual(['n', 'e', 'p']);
    expect(labelCodes(['正', '负'])).toEqual(['正', '负']);
  });

  it('takes letters if a name is longer, or two differ in case alone', () => {
    expect(labelCodes(['negative', 'positive'])).toEqual(['A', 'B']);
    expect(labelCodes(['x', 'X'])).toEqual(['A', 'B']);
  });

  it('takes numbers of three digits for more than 26 classes', () => {
    const codes = labelCodes(Array.from({length: 30}, (_, index) => `class ${index}`));
    expect(codes.slice(0, 2)).toEqual(['100', '101']);
    expect(new Set(codes).size).toBe(30);
  });

  it('are those that the user gives by class, in the order of the classes', () => {
    const classes = ['refund', 'bug'];
    const codes = (byClass: Readonly<Record<string, string>>) => promptsFor({classes, codes: byClass}, 'letters').codes;
    expect(codes({bug: 'Y', refund: 'X'})).toEqual(['X', 'Y']);
    expect(() => codes({bug: 'Y'})).toThrow('`codes` has none for the class `refund`');
    expect(() => codes({bug: 'Y', refund: 'X', praise: 'Z'})).toThrow('`codes` has `praise`, which is no class');
    expect(() => codes({bug: 'X', refund: 'X'})).toThrow(InputError);
  });

  it('gives no class the letter or number that is the name of another', () => {
    expect(labelCodes(['B', 'a', 'neither'])).toEqual(['B', 'A', 'C']);
    const years = Array.from({length: 30}, (_, index) => String(130 - index));
    expect(labelCodes([...years, 'unknown'])).toEqual([...years, '100']);
  });

  it('says if there are too many classes for short codes', () => {
    const classes = Array.from({length: 901}, (_, index) => `class ${index}`);
    expect(() => labelCodes(classes)).toThrow('the most is 900. Give `codes`, one per class.');
  });

  it('gives codes that no case, quotes or white space confuse with each other or with another name', () => {
    const names = fc.uniqueArray(fc.string({minLength: 1, maxLength: 3, unit: fc.constantFrom(...'aAbB1" ü')}), {
      minLength: 2,
      maxLength: 40,
    });
    fc.assert(
      fc.property(names, classes => {
        const codes = labelCodes(classes);
        expect(new Set(codes.map(plain)).size).toBe(classes.length);
        for (const [index, code] of codes.entries()) {
          const others = classes.filter((_, other) => other !== index);
          expect(others.map(plain)).not.toContain(plain(code));
        }
      }),
    );
  });

  it("gives back the user's codes, and says which collide", () => {
    const classes = ['ham', 'spam'];
    expect(labelCodes(classes, ['1', '10'])).toEqual(['1', '10']);
    expect(labelCodes(classes, classes)).toEqual(classes);
    const refused = (codes: string[]) => {
      expect(() => labelCodes(classes, codes)).toThrow(InputError);
      return expect(() => labelCodes(classes, codes));
    };
    refused(['x', '"X".']).toThrow(
      'The code `"X".` of class `spam` can\'t be told from the code of class `ham`: case, quotes and white space don\'t count. Give another code.',
    );
    refused(['Spam', 'y']).toThrow("The code `Spam` of class `ham` can't be told from the name of class `spam`");
    refused(['x', ' "" ']).toThrow('The code of class `spam` holds only white space, quotes or a full stop.');
    refused(['x']).toThrow('There are 1 `codes` for 2 classes. Give one for each class.');
  });
});

describe('labelMatcher', () => {
  it('reads a label in any case, after any white space, quotes and markdown', () => {
    for (const text of [
      'Yes,',
      ' yes\n',
      'YES.',
      '"yes"',
      '“Yes”',
      '**yes**',
      '`yes`',
      '(yes)',
      '\n\nyes ',
      '▁yes ',
      '_yes_',
      '«Yes»',
      '\u200fyes!',
    ]) {
      expect([text, read(text, 'yes', 'no')]).toEqual([text, 'yes']);
    }
  });

  it('leaves all classes possible after nothing but white space, quotes and markdown', () => {
    for (const text of ['', ' ', '\n', '"', '**', ' (“']) expect(read(text, 'yes', 'no')).toBe('no? yes?');
  });

  it('says what a beginning can become', () => {
    expect(read('n', 'negative', 'neutral', 'positive')).toBe('negative? neutral?');
    expect(read('neg', 'negative', 'neutral', 'positive')).toBe('negative?');
    expect(read('x', 'negative', 'neutral', 'positive')).toBe('');
  });

  it('takes a label as told only once a character follows that no word goes on with', () => {
    expect(read('yes', 'yes', 'no')).toBe('yes?');
    expect(read('yesterday', 'yes', 'no')).toBe('');
    expect(read('yes\u0301', 'yes', 'no')).toBe('');
    expect(read('yes\ufffd', 'yes', 'no')).toBe('');
    expect(read('yes<|im_end|>', 'yes', 'no')).toBe('yes');
    expect(readWhole('yes', 'yes', 'no')).toBe('yes');
    expect(readWhole('ye', 'yes', 'no')).toBeUndefined();
  });

  it('tells a label from a longer one that begins with it', () => {
    expect(read('neg', 'neg', 'negative')).toBe('neg? negative?');
    expect(read('neg.', 'neg', 'negative')).toBe('neg');
    expect(read('1', '1', '10')).toBe('1? 10?');
    expect(read('10', '1', '10')).toBe('10?');
    expect(read('New ', 'New', 'New York')).toBe('New? New York?');
    expect(read('New one', 'New', 'New York')).toBe('New');
    expect(read('new  york!', 'New', 'New York')).toBe('New York');
    expect(readWhole('New ', 'New', 'New York')).toBe('New');
    expect(read('C', 'C', 'C++')).toBe('C? C++?');
    expect(read('C++', 'C', 'C++')).toBe('C++');
  });

  it('does not read 3 out of 3.5', () => {
    expect(read('3', '3', '4')).toBe('3?');
    expect(read('3.', '3', '4')).toBe('3?');
    expect(read('3.5', '3', '4')).toBe('');
    expect(read('3. ', '3', '4')).toBe('3');
    expect(readWhole('3.', '3', '4')).toBe('3');
  });

  it('reads names of any script', () => {
    expect(read('STRASSE ', 'Straße', 'Weg')).toBe('Straße');
    expect(read('iyi ', 'İyi', 'kötü')).toBe('İyi');
    expect(read('İYİ ', 'iyi', 'kötü')).toBe('iyi');
    expect(read('ΟΔΌΣ.', 'οδός', 'τόπος')).toBe('οδός');
    expect(read('“正面”', '正面', '负面')).toBe('正面');
    expect(read('إيجابي.', 'إيجابي', 'سلبي')).toBe('إيجابي');
    expect(read('e\u0301te\u0301 ', 'été', 'hiver')).toBe('été');
  });

  it('reads bytes that end within a character', () => {
    expect(read([0xe6], '正面', '负面')).toBe('正面?');
    expect(read(utf8('正面').slice(0, 5), '正面', '负面')).toBe('正面?');
    expect(read(utf8('👍').slice(0, 3), '👍', '👎')).toBe('👍? 👎?');
    expect(read([0xc3], 'ähnlich', 'anders')).toBe('ähnlich?');
    expect(read([0xe2, 0x80], 'yes', 'no')).toBe('no? yes?');
    expect(read([...utf8('yes'), 0xe2, 0x80], 'yes', 'no')).toBe('yes?');
    expect(read([0xac], 'yes', 'no')).toBe('');
  });

  it('never takes back what it has decided, and never finds a class that was impossible before', () => {
    const labels = ['a', 'ab', 'a b', 'ba', 'é'];
    const text = fc.string({maxLength: 8, unit: fc.constantFrom(...'aAbé. "1\u2014')});
    fc.assert(
      fc.property(text, fc.nat(), (whole, cut) => {
        const bytes = utf8(whole);
        const before = labelMatcher(labels).read(bytes.slice(0, cut % (bytes.length + 1)));
        const after = labelMatcher(labels).read(bytes);
        if (before.isDecided) expect(after).toEqual(before);
        expect(before.labels).toEqual(expect.arrayContaining([...after.labels]));
      }),
    );
  });
});

describe('parseLabel', () => {
  const codes = ['A', 'B'];
  const classes = ['ham', 'Spam'];
  const read = (text: string) => parseLabel(text, {lists: [codes, classes], aliased: new Map([['junk mail', 1]])});

  it('reads a code or a name in whatever wrapping', () => {
    for (const text of [
      'B',
      ' b.',
      '"B"',
      '**Spam**',
      'spam',
      '`SPAM`\n',
      '"spam"',
      '{"label": "B"}',
      '{"label":"spam"}',
      '```json\n{"label": "Spam"}\n```',
      '```\nspam\n```',
    ]) {
      expect([text, read(text)]).toEqual([text, 1]);
    }
    expect(parseLabel('{"label": 7}', {lists: [['7', '8']], aliased: new Map()})).toBe(0);
  });

  it('reads an alias as strictly as a name', () => {
    for (const text of ['junk mail', '"Junk  mail".', '{"label": "JUNK MAIL"}']) expect(read(text)).toBe(1);
    for (const text of ['junk', 'junk mails', 'it is junk mail']) expect(read(text)).toBeUndefined();
  });

  it('reads nothing else', () => {
    for (const text of ['', 'C', 'It is spam', 'B or A', 'spam, ham', '{"class": "B"}', '{"label": null}', 'null']) {
      expect([text, read(text)]).toEqual([text, undefined]);
    }
  });

  it('reads nothing if a code is the name of another class', () => {
    expect(
      parseLabel('a', {
        lists: [
          ['a', 'b'],
          ['b', 'a'],
        ],
        aliased: new Map([['a', 1]]),
      }),
    ).toBeUndefined();
  });
});
