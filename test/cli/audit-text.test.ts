import {describe, expect, it} from 'vitest';
import {auditText, commandAgain} from '../../src/cli/audit.ts';
import type {Audit} from '../../src/study/audit/measure.ts';

const ledger = {} as Audit['ledger'];
const teacher = {share: 0.942, interval: [0.893, 0.971], moreToHalve: 60} as const;
const checked: Audit = {
  path: 'out/tickets/audit.csv',
  teacher: 'openai',
  texts: 1500,
  drawn: 50,
  checked: 50,
  missing: 0,
  missingShare: 0,
  agreementBounds: [0.9, 0.9],
  agreement: 0.974,
  strata: [],
  right: {teacher, student: {share: 0.9, interval: [0.86, 0.94], moreToHalve: 70}},
  difference: {difference: -0.012, interval: [-0.021, -0.004]},
  disagreements: {checked: 12, teacher: 7, student: 4},
  wrong: {teacher: [], student: []},
  ledger,
};

const text = (changes: Partial<Audit> = {}, classes = ['bug', 'refund', 'praise']): string =>
  auditText({...checked, ...changes}, 'limbeck audit recipe.ts', classes);

describe('the words of an audit', () => {
  it('say how often both are right, where they differ, and what more checks would bring', () => {
    expect(text()).toBe(
      [
        'On 50 texts that a person checked, the teacher is right on 94 % (89–97) of texts, the student on 90 % (86–94).',
        'The student is right less often than the teacher, by 1.2 points (0.4–2.1).',
        'Where they disagree, of 12 checked the teacher was right on 7, the student on 4, neither on 1.',
        'Teacher and student agree on 97 % of 1,500 texts.',
        'About 60 more would halve the interval of the teacher: limbeck audit recipe.ts --items 110',
      ].join('\n'),
    );
  });

  it('say who is right more often, if that can be said', () => {
    const of = (difference: number, interval: readonly [number, number]) => text({difference: {difference, interval}});
    expect(of(0.012, [0.004, 0.021])).toContain('is right more often than the teacher, by 1.2 points (0.4–2.1).');
    expect(of(-0.002, [-0.01, 0.006])).toContain(
      'is not decided which of them is right more often: the difference is from −1.0 to 0.6 points.',
    );
    expect(of(0, [0, 0])).not.toContain('more often');
  });

  it('have a decimal where a share is close to all', () => {
    const sure = {share: 0.996, interval: [0.95, 1], moreToHalve: undefined} as const;
    expect(text({right: {teacher: sure, student: sure}})).toContain('right on 99.6 % (95–100) of texts');
    expect(text({agreement: 0.9987})).toContain('agree on 99.9 %');
  });

  it('say that the texts are too few', () => {
    const right = {teacher: {...teacher, moreToHalve: undefined}, student: teacher};
    expect(text({right})).toContain('More of these texts would not halve the interval');
  });

  it('count what is left to fill in', () => {
    expect(text({checked: 30})).toContain('On 30 of the 50 texts');
    expect(text({checked: 30})).toContain('20 rows are not filled in yet');
  });

  it('say what to do where nothing or too little is filled in', () => {
    const empty = text({checked: 0, right: undefined});
    expect(empty).toContain('out/tickets/audit.csv has 50 texts for you to check.\nFill its column `label`');
    expect(empty).toContain('with `bug`, `refund` or `praise`, save it as CSV, and run again: limbeck audit recipe.ts');
    expect(text({checked: 2, right: undefined})).toContain('2 are checked, which is not enough of each kind yet.');
    const many = Array.from({length: 20}, (_, index) => `c${index}`);
    expect(text({checked: 0, right: undefined}, many)).toContain('with one of the 20 classes');
  });

  it('say that they agree where none that was checked differs', () => {
    expect(text({disagreements: {checked: 0, teacher: 0, student: 0}})).toContain('They agree on all checked texts.');
  });
});

describe('the command that continues an audit', () => {
  it('names the student, the folder and the cache that the flags named, as a shell reads them', () => {
    expect(commandAgain('recipe.ts', {cache: '.limbeck/answers'})).toBe('limbeck audit recipe.ts');
    const named = {student: 'out/a b/seed-1', out: 'there', cache: 'redis://127.0.0.1:6379'};
    expect(commandAgain('my recipe.ts', named)).toBe(
      "limbeck audit 'my recipe.ts' --student 'out/a b/seed-1' --out there --cache redis://127.0.0.1:6379",
    );
  });
});
