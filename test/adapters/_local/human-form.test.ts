import {describe, expect, it} from 'vitest';
import {type Form, formOf} from '../../../adapters/_local/human-form.ts';
import {type Row, valuesIn} from '../../../src/data/human-table/table.ts';

const classes = ['ham', 'spam', 'Ünsure'];
const row = (number: number, ...cells: string[]): Row => ({number, id: 'q1', text: 'any', cells});
const label = formOf({classes});
const sure = formOf({classes, confidence: true});
const votes = formOf({classes, people: ['Anna', 'Ben', 'Cara']});
const answer = (form: Form, ...cells: string[]) => {
  const values = valuesIn([row(2, ...cells)], form.columns);
  return typeof values === 'string' ? values : form.answerOf(values);
};

describe('what a person fills in', () => {
  it('is a label, in whatever case it is written', () => {
    for (const cell of ['spam', 'SPAM', 'Spam', 'ｓｐａｍ'])
      expect(answer(label, cell)).toEqual({kind: 'label', label: 1});
    for (const cell of ['ünsure', 'U\u0308nsure']) expect(answer(label, cell)).toEqual({kind: 'label', label: 2});
  });

  it('is a number as a spreadsheet writes it', () => {
    const form = formOf({classes: ['00', '01', '10', '1a']});
    const labels = ['0', '1', '10', '01', '1A'].map(cell => answer(form, cell));
    expect(labels).toEqual([0, 1, 2, 1, 3].map(index => ({kind: 'label', label: index})));
  });

  it('is as it is named if classes differ in case alone', () => {
    const form = formOf({classes: ['us', 'US', 'uk']});
    expect(answer(form, 'US')).toEqual({kind: 'label', label: 1});
    expect(answer(form, 'UK')).toEqual({kind: 'label', label: 2});
    expect(answer(form, 'Us')).toContain('Row 2 has "Us" in `label`. Several classes have nearly this name.');
  });

  it('is a label and its probability, what is left being of the others', () => {
    expect(label.access).toBe('black-box');
    expect(sure).toMatchObject({access: 'gray-box', detail: {kind: 'top-k', k: 1}});
    for (const cell of ['0.8', '0,8', '.8', '80%', '80 %', '80,0%']) {
      expect(answer(sure, 'spam', cell)).toEqual({
        kind: 'top-k',
        classes: Int32Array.of(1),
        logProbabilities: Float32Array.of(Math.log(0.8)),
        rest: expect.closeTo(0.2, 9),
      });
    }
    expect(answer(sure, 'spam', '1')).toMatchObject({logProbabilities: Float32Array.of(0), rest: 0});
  });

  it('is the votes of several people', () => {
    expect(votes.columns.map(({name}) => name)).toEqual(['label Anna', 'label Ben', 'label Cara']);
    expect(answer(votes, 'ham', 'spam', 'HAM')).toEqual({kind: 'votes', counts: Uint32Array.of(2, 1, 0)});
  });

  it('is waited for, column by column', () => {
    expect(answer(label, '')).toBe('Row 2 waits for a person: fill `label`, then run again.');
    expect(answer(sure, 'spam', '')).toBe('Row 2 waits for a person: fill `confidence`, then run again.');
    expect(answer(votes, '', 'spam', '')).toContain('fill `label Anna`, `label Cara`, then');
  });

  it('is no class that is none: what stands there is shown, and the closest class or all', () => {
    expect(answer(label, 'spma')).toBe('Row 2 has "spma" in `label`. That is not a class. The closest is `spam`.');
    expect(answer(label, 'I do not know')).toContain('It must be one of `ham`, `spam`, `Ünsure`.');
    expect(answer(label, '1')).toContain('has "1" in `label`');
    const many = formOf({classes: Array.from({length: 100}, (_, index) => `class ${index}`)});
    expect(answer(many, 'something quite different')).toMatch(/It must be one of 100, such as `class \d+`\.$/);
    expect(answer(label, 'x'.repeat(10_000))).toContain(`has "${'x'.repeat(40)}…" in`);
  });

  it.each(['0', '0%', '1.01', '101%', '8', '-0.5', 'sure', '0.8.1', '1e-1', 'NaN', '%'])(
    'is no confidence of %s',
    cell => {
      expect(answer(sure, 'spam', cell)).toContain(`Row 2 has "${cell}" in \`confidence\`. It must be above 0`);
    },
  );

  it('can be in one of several rows about the same, and must not differ between them', () => {
    const valuesOf = (...cells: string[]) =>
      valuesIn(
        cells.map((cell, index) => row(index + 2, cell)),
        label.columns,
      );
    expect(valuesOf('', 'spam', '', 'Spam')).toEqual([1]);
    expect(valuesOf('', 'spam', 'ham')).toBe(
      'Rows 3 and 4 are about the same input, and have "spam" and "ham" in `label`. Correct one of them.',
    );
    expect(valuesOf('', '')).toContain('Row 2 waits');
    expect(valuesOf('ham', 'hma')).toContain('Rows 2 and 3');
  });
});

describe('the form', () => {
  it.each<[Parameters<typeof formOf>[0], string]>([
    [{classes: []}, '`classes` is empty'],
    [{classes: ['a', 'b', 'a']}, '`classes` names `a` twice'],
    [{classes: ['a', ' ']}, 'A class has no name'],
    [{classes, people: []}, '`people` must name somebody'],
    [{classes, people: ['']}, '`people` must name somebody'],
    [{classes, people: ['anna ']}, 'without spaces'],
    [{classes, people: ['anna', 'Anna']}, '`people` names somebody twice'],
    [{classes, people: ['anna'], confidence: true}, 'Leave `confidence` out'],
  ])('is refused with %j', (options, problem) => {
    expect(() => formOf(options)).toThrow(`human: `);
    expect(() => formOf(options)).toThrow(problem);
  });
});
