import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import Papa from 'papaparse';
import {beforeAll, beforeEach, describe, expect, it} from 'vitest';
import type {UnlabelledDataset} from '../../../src/data/split.ts';
import {startEngine} from '../../../src/engine/engine.ts';
import {TeacherError} from '../../../src/errors.ts';
import {hardLabels} from '../../../src/losses/hard-labels.ts';
import type {Recipe} from '../../../src/recipe/recipe.ts';
import {hashedNgrams} from '../../../src/student/hashed-ngrams.ts';
import type {Student, StudentBuilder} from '../../../src/student/student.ts';
import {type AuditOptions, audit, auditPaths} from '../../../src/study/audit/audit.ts';
import type {Audit} from '../../../src/study/audit/measure.ts';
import {learn} from '../../../src/study/run.ts';
import type {Study} from '../../../src/study/study.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {answered, folders, openRecipe, tinyData} from '../tiny.ts';

const newFolder = folders();
const classes = ['calm', 'angry'];
const words = ['parcel', 'late', 'broken', 'thanks', 'refund', 'lovely', 'invoice', 'again', '=sum', 'Grüße'];
const texts = Array.from({length: 160}, (_, index) =>
  Array.from({length: 5}, (_, place) => words[(index * (place + 3) + index ** place) % 10])
    .join(' ')
    .concat(` ${index}`),
);

/** What is true, and what a teacher says that is wrong of every eighth. */
const truthOf = (text: string): number => (/broken|late/.test(text) ? 1 : 0);
const numberOf = (text: string): number => Number(text.split(' ').at(-1));
const saidOf = (text: string): number => (numberOf(text) % 8 === 0 ? 1 - truthOf(text) : truthOf(text));

let asked: string[];
const teacher: Teacher<'black-box'> = {
  name: 'sorter',
  identity: {adapter: 'test', sorter: 1},
  access: 'black-box',
  classes,
  detail: {kind: 'label'},
  maxBatch: 10,
  async ask(queried) {
    return queried.map(({input}) => {
      const text = input.kind === 'text' ? input.text : '';
      asked.push(text);
      return {answer: {kind: 'label', label: saidOf(text)}};
    });
  },
};

const inputsOf = (some: readonly string[]) => ({kind: 'text', count: some.length, texts: some}) as const;

function data(test = texts.slice(40)): UnlabelledDataset {
  return {
    classes,
    train: {role: 'train', inputs: inputsOf(texts.slice(0, 40))},
    test: {role: 'test', inputs: inputsOf(test)},
  };
}

const recipe: Recipe<UnlabelledDataset> = {
  name: 'audited',
  data: () => data(),
  transfer: {size: 40},
  teachers: {'black-box': () => teacher},
  student: hashedNgrams({units: [], buckets: 256}),
  methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
  seeds: [1],
  training: {epochs: 2},
};

let student: Student;
let folder: string;

async function withStudy<T>(use: (study: Study) => Promise<T>, changes: Partial<typeof recipe> = {}): Promise<T> {
  const options = {directory: join(folder, 'out'), cache: join(folder, 'answers')};
  const study = await openRecipe({...recipe, ...changes}, ['black-box'], options);
  try {
    return await use(study);
  } finally {
    await study.close();
  }
}

const audited = (options?: AuditOptions, of = student): Promise<Audit> => withStudy(study => audit(study, of, options));

type Row = readonly [label: string, text: string, id: string];

async function rows(delimiter = ','): Promise<readonly Row[]> {
  const content = await readFile(auditPaths(join(folder, 'out')).table, 'utf8');
  return Papa.parse<Row>(content.trimEnd(), {delimiter}).data.slice(1);
}

/** Fills rows as a person would. */
async function fill(labelOf: (text: string, row: number) => string | undefined): Promise<void> {
  const filled = (await rows()).map(([label, text, id], row) => [labelOf(text, row) ?? label, text, id]);
  await writeFile(auditPaths(join(folder, 'out')).table, Papa.unparse([['label', 'text', 'id'], ...filled]));
}

const truly = (text: string): string => classes[truthOf(text)]!;

beforeAll(async () => {
  await startEngine();
  folder = await newFolder('learn');
  asked = [];
  student = await withStudy(async study => {
    const answers = {kind: 'label', count: 40, labels: Int32Array.from(texts.slice(0, 40), saidOf)} as const;
    const source = {access: 'black-box', identity: {}} as const;
    const inputs = inputsOf(texts.slice(0, 40));
    return (
      await learn(study, answered(study, 'labels', {source, classes, detail: {kind: 'label'}, inputs, answers}), 1)
    ).student;
  });
});

beforeEach(async () => {
  folder = await newFolder('audit');
  asked = [];
});

describe('an audit', () => {
  it('writes texts of the test split to be checked, and nothing of what either model says', async () => {
    const result = await audited({items: 30});
    expect(result).toMatchObject({teacher: 'sorter', texts: 120, drawn: 30, checked: 0, right: undefined});
    const table = await rows();
    expect(table).toHaveLength(30);
    for (const [label, text] of table) {
      expect(label).toBe('');
      expect(texts.slice(40)).toContain(text.replace(/^'/, ''));
    }
    expect(result.strata.reduce((sum, {drawn}) => sum + drawn, 0)).toBe(30);
  });

  it('says how often teacher and student are right once the table is filled, for nothing more', async () => {
    await audited({items: 60});
    const paid = asked.length;
    await fill(truly);
    const result = await audited();
    expect(asked).toHaveLength(paid);
    expect(result).toMatchObject({drawn: 60, checked: 60});
    const {share, interval} = result.right!.teacher;
    const real = texts.slice(40).filter(text => saidOf(text) === truthOf(text)).length / 120;
    expect(interval[0]).toBeLessThan(real);
    expect(interval[1]).toBeGreaterThan(real);
    expect(Math.abs(share - real)).toBeLessThan(0.08);
    const wrong = (await rows()).filter(([, text]) => saidOf(text) !== truthOf(text)).map(([, , id]) => id);
    expect(result.wrong.teacher.toSorted()).toEqual(wrong.toSorted());
  });

  it('draws none of the texts that the teacher left without an answer, and says what they can move', async () => {
    const silent = [texts[60]!, texts[80]!];
    const quiet: Teacher<'black-box'> = {
      ...teacher,
      identity: {adapter: 'test', sorter: 2},
      async ask(queried, options) {
        const outcomes = await teacher.ask(queried, options);
        const error = new TeacherError('sorter', 'It says "clam".', {unreadable: true});
        return outcomes.map((outcome, row) =>
          silent.includes((queried[row]!.input as {text: string}).text) ? {error} : outcome,
        );
      },
    };
    const of = (allowMissing: number) =>
      withStudy(study => audit({...study, allowMissing}, student, {items: 1000}), {
        teachers: {'black-box': () => quiet},
      });
    await expect(of(0.01)).rejects.toThrow(/left 2 of 120 inputs without an answer/);
    const result = await of(0.02);
    expect(result).toMatchObject({texts: 120, missing: 2, missingShare: 2 / 120, drawn: 118});
    const [lowest, highest] = result.agreementBounds;
    expect(lowest).toBeCloseTo((result.agreement * 118) / 120, 12);
    expect(highest - lowest).toBeCloseTo(2 / 120, 12);
    expect((await rows()).some(([, text]) => silent.includes(text))).toBe(false);
    await fill(truly);
    expect(await of(0.02)).toMatchObject({drawn: 118, checked: 118, right: {teacher: {share: expect.any(Number)}}});
  });

  it('is exact where every text was checked', async () => {
    await audited({items: 1000});
    await fill(truly);
    const {right, drawn, difference, disagreements, agreement} = await audited();
    expect(drawn).toBe(120);
    const test = texts.slice(40);
    expect(right!.teacher.share).toBeCloseTo(test.filter(text => saidOf(text) === truthOf(text)).length / 120, 12);
    expect(disagreements.checked / 120).toBeCloseTo(1 - agreement, 12);
    expect(disagreements.teacher + disagreements.student).toBe(disagreements.checked);
    const better = (disagreements.student - disagreements.teacher) / 120;
    expect(right!.student.share - right!.teacher.share).toBeCloseTo(better, 12);
    expect(difference!.difference).toBeCloseTo(better, 12);
    expect(disagreements.checked).toBeGreaterThan(5);
  });

  it('counts what is filled so far, as soon as there is some of each kind', async () => {
    await audited({items: 40});
    await fill((text, row) => (row < 1 ? truly(text) : undefined));
    expect(await audited()).toMatchObject({checked: 1, right: undefined});
    await fill((text, row) => (row < 30 ? truly(text) : undefined));
    const {checked, right, drawn} = await audited();
    expect({checked, drawn}).toEqual({checked: 30, drawn: 40});
    expect(right).toBeDefined();
  });

  it('keeps what was filled in when more are drawn', async () => {
    await audited({items: 20});
    await fill(truly);
    expect(await audited({items: 35})).toMatchObject({drawn: 35, checked: 20});
    const table = await rows();
    expect(table).toHaveLength(35);
    expect(table.filter(([label]) => label !== '')).toHaveLength(20);
    expect(await audited({items: 10})).toMatchObject({drawn: 35});
  });

  it('measures another student by the same checked texts', async () => {
    await audited({items: 60});
    await fill(truly);
    const before = await audited();
    const build = recipe.student as StudentBuilder;
    const fresh = build({classes, kind: 'text', inputShape: [], preprocessing: {}}, 5);
    const other = await audited({}, fresh);
    expect(other.right!.teacher).toEqual(before.right!.teacher);
    expect(other.right!.student).not.toEqual(before.right!.student);
    expect(other.strata.map(({texts: size}) => size)).toEqual(before.strata.map(({texts: size}) => size));
  });

  it('writes a row again that somebody took away, and makes a table for another spreadsheet', async () => {
    await audited({items: 20, delimiter: ';'});
    const table = await rows(';');
    expect(table).toHaveLength(20);
    const {table: path} = auditPaths(join(folder, 'out'));
    await writeFile(path, Papa.unparse([['label', 'text', 'id'], ...table.slice(3)], {delimiter: ';'}));
    await audited();
    expect((await rows(';')).map(([, , id]) => id).toSorted()).toEqual(table.map(([, , id]) => id).toSorted());
  });
});

describe('an audit refuses', () => {
  it('what is no class, with the row and the closest one', async () => {
    await audited({items: 20});
    await fill((text, row) => (row === 2 ? 'agnry' : truly(text)));
    await expect(audited()).rejects.toThrow(/audit\.csv can't be counted yet:\n {2}Row 4 has "agnry".*`angry`/);
  });

  it('other texts than those that were drawn, before it asks anybody', async () => {
    await audited({items: 20});
    asked = [];
    const changed = {data: () => data(texts.slice(50))};
    await expect(withStudy(study => audit(study, student), changed)).rejects.toThrow(
      'the test split has changed since',
    );
    expect(asked).toEqual([]);
  });

  it('inputs that are no texts', async () => {
    const data = tinyData();
    const images = {recipe: {data}} as unknown as Study;
    await expect(audit(images, {...student, classes: data.classes})).rejects.toThrow('An audit shows texts');
  });

  it('a student of other classes', async () => {
    const other = {...student, classes: ['angry', 'calm']};
    await expect(audited({}, other)).rejects.toThrow("The student's classes (angry, calm)");
  });
});
