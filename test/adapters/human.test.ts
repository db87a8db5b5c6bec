import {copyFileSync, existsSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {type HumanOptions, human} from '../../adapters/human.ts';
import {type Asking, type AskingOptions, openAsking} from '../../src/ask/asking.ts';
import {collectAnswered} from '../../src/ask/collect.ts';
import {cascade} from '../../src/ask/compose/cascade.ts';
import {planAsking} from '../../src/ask/plan/plan.ts';
import {InputError} from '../../src/errors.ts';
import {predicate, score} from '../../src/questions.ts';
import type {Outcome, Query, Teacher} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {floats, problemsIn, text} from './replay.ts';

const classes = ['ham', 'spam', 'ünsure'];
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/human/${name}`, import.meta.url));
const filled = fixture('filled.csv');
const queries = [text('buy now'), text('see you at noon'), text('=buy a\r\nticket; "today" 😀')];
const label = (index: number): Outcome => ({answer: {kind: 'label', label: index}});

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-human-'));
  path = join(folder, 'to-label.csv');
});

afterEach(() => rm(folder, {recursive: true}));

const person = (options: Partial<HumanOptions> = {}): Teacher<'black-box'> => human({path, classes, ...options});
const table = (): string => readFileSync(path, 'utf8');
const change = (...replacements: readonly (readonly [from: string | RegExp, to: string])[]): void =>
  writeFileSync(
    path,
    replacements.reduce((content, [from, to]) => content.replace(from, to), table()),
  );
/** Fills the row of a text. */
const fill = (about: string, value: string): void =>
  change([new RegExp(`^[^,\\n]*,${about},`, 'm'), `${value},${about},`]);

const people = ['Anna', 'Ben', 'Cara'];
const forms: Readonly<Record<string, () => Teacher>> = {
  labels: () => human({path: filled, classes}),
  'the votes of three': () => human({path: filled, classes, people}),
  'labels and how sure they are': () => human({path: filled, classes, confidence: true}),
};

describe.each(Object.entries(forms))('human that gives %s', (_, teacher) => {
  testTeacher({it, teacher, queries, badQuery: floats(1, 2)});
});

describe('human', () => {
  it('reads a table as a spreadsheet saved it, without changing a byte', async () => {
    copyFileSync(filled, path);
    expect(await person().ask(queries)).toEqual([label(1), label(0), label(2)]);
    expect(await human({path, classes, people}).ask(queries)).toEqual([
      {answer: {kind: 'votes', counts: Uint32Array.of(0, 3, 0)}},
      {answer: {kind: 'votes', counts: Uint32Array.of(2, 1, 0)}},
      {answer: {kind: 'votes', counts: Uint32Array.of(1, 1, 1)}},
    ]);
    const sure = [0.95, 0.8, 0.4].map((probability, row) => ({
      answer: {
        kind: 'top-k',
        classes: Int32Array.of([1, 0, 2][row]!),
        logProbabilities: Float32Array.of(Math.log(probability)),
        rest: expect.closeTo(1 - probability, 9),
      },
    }));
    expect(await human({path, classes, confidence: true}).ask(queries)).toEqual(sure);
    expect(readFileSync(path)).toEqual(readFileSync(filled));
  });

  it('reads all that LibreOffice saved of a table with hostile texts', async () => {
    copyFileSync(fixture('libreoffice-saved.csv'), path);
    const texts: readonly string[] = JSON.parse(readFileSync(fixture('libreoffice-texts.json'), 'utf8'));
    const outcomes = await person({classes: ['ham', 'spam', '01']}).ask(texts.map(text));
    expect(outcomes).toEqual(texts.map((_, index) => label(index % 3)));
    expect(readFileSync(path)).toEqual(readFileSync(fixture('libreoffice-saved.csv')));
  });

  it('writes what it is asked into the table, and answers when that is filled in', async () => {
    const teacher = person();
    expect(existsSync(path)).toBe(false);
    expect(problemsIn(await teacher.ask([...queries, queries[0]!]))).toEqual(
      [2, 3, 4, 2].map(row => `Teacher human ${path}: Row ${row} waits for a person: fill \`label\`, then run again.`),
    );
    expect(table()).toMatch(
      /^\uFEFFlabel,text,id\r\n,buy now,q\w{24}\r\n,see you at noon,q\w{24}\r\n,"'=buy a\r\nticket/,
    );
    fill('see you at noon', ' Ham');
    const outcomes = await teacher.ask(queries);
    expect(outcomes[1]).toEqual(label(0));
    expect(problemsIn(outcomes)).toEqual([
      expect.stringContaining('Row 2 waits'),
      'none',
      expect.stringContaining('Row 4 waits'),
    ]);
  });

  it('keeps all that a person did to the table: other rows, columns, order, separators', async () => {
    await person({delimiter: ';'}).ask(queries);
    const [head, one, two, ...rest] = table().split('\r\n');
    const changed = [`${head};note`, `ham${two};"mine; ""all mine"""`, ';;', `;by hand;`, `${one}`, ...rest].join('\n');
    writeFileSync(path, changed);
    const [outcome] = await person().ask([queries[1]!, text('new')]);
    expect(outcome).toEqual(label(0));
    expect(table().startsWith(changed)).toBe(true);
    expect(table().slice(changed.length)).toMatch(/^;new;q\w{24};\n$/);
  });

  it('answers by the texts of rows without an id', async () => {
    writeFileSync(path, 'text,label,id\nbuy now,spam,\nsee you at noon,ham,\n');
    expect(await person().ask(queries.slice(0, 2))).toEqual([label(1), label(0)]);
  });

  it('says of each row alone what is wrong with it', async () => {
    await person().ask([...queries, text('four')]);
    fill('buy now', 'spma');
    fill('see you at noon', 'ham');
    writeFileSync(path, `${table()}ham,four,${/four,(q\w+)/.exec(table())![1]}\r\n`);
    fill('four', 'spam');
    expect(problemsIn(await person().ask([...queries, text('four')]))).toEqual([
      expect.stringContaining('Row 2 has "spma" in `label`. That is not a class. The closest is `spam`.'),
      'none',
      expect.stringContaining('Row 4 waits for a person'),
      expect.stringContaining('Rows 5 and 6 are about the same input, and have "spam" and "ham" in `label`.'),
    ]);
  });

  it('finds out that a column was sorted without the others', async () => {
    await person().ask(queries);
    change([',buy now,', 'spam,see you at noon,'], [/\n,see you at noon,/, '\nham,buy now,']);
    expect(problemsIn(await person().ask(queries))).toEqual([
      expect.stringContaining('Row 2 has the text of another row.'),
      expect.stringContaining('Row 3 has the text of another row.'),
      expect.stringContaining('Row 4 waits'),
    ]);
    // A spreadsheet can change a text by itself: what it takes for a date, or the line ends.
    change(['see you at noon', '1 Jan'], ['buy now', '2 Feb']);
    expect((await person().ask(queries)).slice(0, 2)).toEqual([label(1), label(0)]);
  });

  it('shows of a tensor what `show` says, and nothing of one that it is not told how to show', async () => {
    const [one, two] = [floats(1, 2), floats(2, 1)];
    expect(problemsIn(await person().ask([one, text('a')]))).toEqual([
      expect.stringContaining("A tensor can't be shown in a table. Use `show` to say what a person is to see"),
      expect.stringContaining('Row 2 waits'),
    ]);
    const show: HumanOptions['show'] = input => {
      if (input.kind !== 'tensor') throw new Error('no image');
      return `images/${input.data[0]}.png`;
    };
    const problems = problemsIn(await person({show}).ask([one, two, text('b')]));
    expect(problems[2]).toContain('`show` failed (no image). Mend it.');
    fill('images/1.png', 'spam');
    fill('images/2.png', 'ham');
    expect(await person({show}).ask([one, two])).toEqual([label(1), label(0)]);
    // A filled-in query need not be shown again.
    expect(await person().ask([one, two])).toEqual([label(1), label(0)]);
  });

  it('does not write what a cell of a spreadsheet can not hold', async () => {
    const long = text('x'.repeat(32_768));
    expect(problemsIn(await person().ask([long]))).toEqual([expect.stringContaining('A text of 32768 characters')]);
    expect(existsSync(path)).toBe(false);
    const show: HumanOptions['show'] = input => (input.kind === 'text' ? input.text.slice(0, 100) : '');
    // Two queries can be shown with the same text.
    const alike = text(`${'x'.repeat(40_000)}!`);
    expect(problemsIn(await person({show}).ask([long, alike]))).toEqual([
      expect.stringContaining('Row 2 waits'),
      expect.stringContaining('Row 3 waits'),
    ]);
  });

  it('answers what is filled in if the table can not be written', async () => {
    path = join(folder, 'x'.repeat(255));
    copyFileSync(filled, path);
    const outcomes = await person().ask([text('new'), queries[0]!]);
    expect(outcomes[1]).toEqual(label(1));
    expect(problemsIn(outcomes)[0]).toContain("can't be written: ENAMETOOLONG");
  });

  it('gives each its row if several ask at once', async () => {
    const asked = Array.from({length: 30}, (_, index) => text(`query ${index % 20}`));
    await Promise.all(asked.map(query => person().ask([query])));
    expect(table().match(/query \d+/g)).toHaveLength(20);
  });

  it('refuses a file that is no such table, also if its identity is read, and leaves it', async () => {
    writeFileSync(path, 'text,label\nbuy now,spam\n');
    await expect(person().ask(queries)).rejects.toThrow(InputError);
    expect(() => person().identity).toThrow(`${path}: The first row has no column \`id\`.`);
    expect(table()).toBe('text,label\nbuy now,spam\n');
    writeFileSync(path, '\n');
    expect(problemsIn(await person().ask(queries.slice(0, 1)))).toEqual([expect.stringContaining('Row 2 waits')]);
    expect(table()).toMatch(/^\uFEFFlabel,/);
  });

  it.each<[Partial<HumanOptions>, string]>([
    [{path: ''}, 'human: Give the `path`'],
    [{classes: ['a', 'a']}, 'human: `classes` names `a` twice'],
  ])('refuses the options %j', (options, problem) => {
    expect(() => person(options)).toThrow(problem);
  });

  it('has the access of what is filled in, in its type too', () => {
    const black: Teacher<'black-box'> = human({path, classes, people});
    const gray: Teacher<'gray-box'> = human({path, classes, confidence: true});
    expect([person().access, black.access, gray.access]).toEqual(['black-box', 'black-box', 'gray-box']);
    // @ts-expect-error votes show how sure the people are
    expect(() => human({path, classes, people, confidence: true})).toThrow('Leave `confidence` out.');
  });
});

describe('human with questions', () => {
  const spam = predicate('spam', 'Is it spam?');
  const tone = score('tone', 'How friendly is it?', ['cold', 'neutral', 'warm']);
  const questions = [spam, tone];
  const asked = queries.flatMap(query => questions.map(question => ({...query, question})));
  const make = () => human({path, questions});

  it('has a column for each, and answers those that are filled in', async () => {
    const teacher = make();
    expect(problemsIn(await teacher.ask(asked)).slice(0, 2)).toEqual([
      expect.stringContaining('Row 2 waits for a person: fill `spam`, then run again.'),
      expect.stringContaining('Row 2 waits for a person: fill `tone`, then run again.'),
    ]);
    expect(table().split('\r\n')[0]).toBe('\uFEFFspam,tone,text,id');
    expect(table().match(/buy now/g)).toHaveLength(1);
    writeFileSync(path, table().replace(',,buy now', 'TRUE,,buy now').replace(',,see you', 'no,Warm,see you'));
    const outcomes = await make().ask(asked.slice(0, 4));
    expect(outcomes.map(outcome => ('error' in outcome ? 'waits' : outcome.answer))).toEqual([
      {kind: 'label', label: 1},
      'waits',
      {kind: 'label', label: 0},
      {kind: 'label', label: 2},
    ]);
    expect(teacher).toMatchObject({classes: [], questions: {list: questions, areNamesShown: true}});
  });

  it('has a column for each person, or for how sure each answer is', async () => {
    await human({path, questions, people: ['Anna', 'Ben']}).ask(asked);
    expect(table().split('\r\n')[0]).toBe('\uFEFFspam Anna,spam Ben,tone Anna,tone Ben,text,id');
    writeFileSync(path, table().replace(',,,,buy', 'yes,no,warm,warm,buy'));
    const [votes, others] = await human({path, questions, people: ['Anna', 'Ben']}).ask(asked);
    expect(votes).toEqual({answer: {kind: 'votes', counts: Uint32Array.of(1, 1)}});
    expect(others).toEqual({answer: {kind: 'votes', counts: Uint32Array.of(0, 0, 2)}});
    rmSync(path);
    const sure = () => human({path, questions, confidence: true});
    await sure().ask(asked);
    writeFileSync(path, table().replace(',,,,buy', 'yes,80%,,,buy'));
    expect((await sure().ask(asked))[0]).toMatchObject({answer: {kind: 'top-k', classes: Int32Array.of(1)}});
  });

  it('notices an answer that was changed after the run began', async () => {
    await make().ask(asked);
    writeFileSync(path, table().replace(',,buy now', 'yes,cold,buy now'));
    const teacher = make();
    expect(teacher.identity).toMatchObject({columns: ['spam', 'tone']});
    writeFileSync(path, table().replace('yes,cold', 'yes,warm'));
    const [kept, changed] = await teacher.ask(asked);
    expect(kept).toEqual(label(1));
    expect(problemsIn([changed!])[0]).toContain('was filled in or changed after this run began');
  });

  it('refuses questions whose columns would have one name', () => {
    const twice = [predicate('text', 'Is there any?'), spam];
    expect(() => human({path, questions: twice})).toThrow('Two columns would have the name `text`.');
    expect(() => human({path, questions, classes})).toThrow('needs either `classes` or `questions`');
  });
});

describe('the identity of a human', () => {
  it('is that of what is filled in, wherever the file is and however it is sorted', async () => {
    const empty = person().identity;
    await person().ask(queries);
    expect(person().identity).toEqual(empty);
    fill('buy now', 'spam');
    const one = person().identity;
    expect(one).not.toEqual(empty);
    fill('see you at noon', 'nonsense');
    expect(person().identity).toEqual(one);
    fill('see you at noon', 'ham');
    const two = person().identity;
    expect(two).not.toEqual(one);
    const [head, first, second, ...rest] = table().split('\r\n');
    path = join(folder, 'elsewhere.csv');
    writeFileSync(path, [head, second, first?.replace('spam', 'SPAM'), ...rest].join('\n'));
    expect(person().identity).toEqual(two);
    fill('buy now', 'ham');
    expect(person().identity).not.toEqual(two);
    expect(person({classes: ['spam', 'ham', 'ünsure']}).identity).not.toEqual(person().identity);
  });

  it('stays the same after it was read, and no answer is given that it does not tell of', async () => {
    await person().ask(queries);
    fill('buy now', 'spam');
    const teacher = person();
    const {identity} = teacher;
    expect((await teacher.ask(queries))[0]).toEqual(label(1));
    fill('buy now', 'ham');
    fill('see you at noon', 'ham');
    expect(problemsIn(await teacher.ask(queries)).slice(0, 2)).toEqual([
      expect.stringContaining('Row 2 was filled in or changed after this run began. Run again.'),
      expect.stringContaining('Row 3 was filled in or changed after this run began. Run again.'),
    ]);
    expect(teacher.identity).toBe(identity);
    expect((await person().ask(queries)).slice(0, 2)).toEqual([label(0), label(0)]);
  });
});

describe('human with the layers of every teacher', () => {
  const texts = ['buy now', 'see you at noon', 'maybe'];
  const inputs = {kind: 'text', count: texts.length, texts} as const;

  /** One run of a program: everything made anew. */
  const run = async (teacher: () => Teacher, options: Partial<AskingOptions> = {}) => {
    const asking: Asking = await openAsking({
      cache: join(folder, 'answers'),
      journal: join(folder, 'journal'),
      ...options,
    });
    try {
      const {teacher: layered, ledger} = asking.open(teacher());
      const outcome = await collectAnswered(layered, {role: 'transfer', inputs}).catch(error => error);
      const labels = outcome instanceof Error ? [] : [...outcome.knowledge.answers.labels];
      const kept = await asking.store.count();
      return {outcome, labels, problems: problemsOf(outcome), ledger: ledger.snapshot(), kept};
    } finally {
      await asking.close();
    }
  };
  const problemsOf = (outcome: unknown): string[] =>
    outcome instanceof Error
      ? [outcome.message]
      : (outcome as {missing: {error: Error}[]}).missing.map(({error}) => error.message);

  it('asks in every run what waits, without keeping, retrying or setting aside', async () => {
    for (const round of [1, 2]) {
      const {problems, ledger, kept} = await run(person);
      expect(problems).toEqual([expect.stringContaining('left 3 of 3 inputs without an answer')]);
      expect(problems[0]).toContain('Row 2 waits for a person: fill `label`, then run again.');
      expect({round, kept, ...ledger}).toMatchObject({round, kept: 0, calls: 1, bought: 0, setAside: 0});
    }
    fill('buy now', 'spam');
    fill('maybe', 'nothing');
    const {labels, problems} = await run(person);
    expect(labels).toEqual([1]);
    expect(problems).toEqual([expect.stringContaining('Row 3 waits'), expect.stringContaining('has "nothing"')]);
    fill('see you at noon', 'ham');
    fill('maybe', 'ünsure');
    expect(await run(person)).toMatchObject({labels: [1, 0, 2], problems: []});
  });

  it('takes kept answers while the table is the same, and corrected ones once it is not', async () => {
    await run(person);
    for (const one of texts) fill(one, 'spam');
    expect(await run(person)).toMatchObject({labels: [1, 1, 1], ledger: {bought: 3, cached: 0}});
    expect(await run(person)).toMatchObject({labels: [1, 1, 1], ledger: {bought: 0, cached: 3, calls: 0}});
    expect(await run(person, {record: 'none'})).toMatchObject({labels: [1, 1, 1], ledger: {calls: 0}});
    fill('maybe', 'ham');
    expect(await run(person)).toMatchObject({labels: [1, 1, 0], ledger: {bought: 3, cached: 0}});
    fill('maybe', 'spam');
    expect(await run(person)).toMatchObject({labels: [1, 1, 1], ledger: {bought: 0, cached: 3}});
  });

  it('is planned without a query being written', async () => {
    const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
    try {
      const plan = await planAsking(person(), inputs, {store: asking.store});
      expect(plan).toMatchObject({inputs: 3, cached: 0});
    } finally {
      await asking.close();
    }
    expect(existsSync(path)).toBe(false);
  });

  it('is the dear one of a cascade: only what the cheap one is not sure of comes to the table', async () => {
    const cheap = (): Teacher<'gray-box'> => ({
      name: 'cheap',
      identity: {cheap: 1},
      access: 'gray-box',
      classes,
      detail: {kind: 'log-probabilities'},
      maxBatch: 2,
      async ask(asked: readonly Query[]) {
        return asked.map(({input}) => {
          const p = input.kind === 'text' && input.text === 'maybe' ? [0.5, 0.4, 0.1] : [0.98, 0.01, 0.01];
          return {answer: {kind: 'log-probabilities', logProbabilities: Float32Array.from(p, Math.log)}} as const;
        });
      },
    });
    const both = () => cascade<'gray-box' | 'black-box'>([cheap(), person()], {confidence: 0.9});
    const first = await run(both);
    expect(first.labels).toEqual([0, 0]);
    expect(first.problems).toEqual([expect.stringContaining('Row 2 waits for a person')]);
    expect(table().match(/q\w{24}/g)).toHaveLength(1);
    fill('maybe', 'ünsure');
    expect(await run(both)).toMatchObject({labels: [0, 0, 2], problems: [], ledger: {bought: 1, cached: 3}});
    fill('maybe', 'spam');
    expect(await run(both)).toMatchObject({labels: [0, 0, 1], ledger: {bought: 1, cached: 3}});
    expect(await run(both)).toMatchObject({labels: [0, 0, 1], ledger: {bought: 0, cached: 4}});
  });
});
