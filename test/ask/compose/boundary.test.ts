import fc from 'fast-check';
import {describe, expect, expectTypeOf, it} from 'vitest';
import {type BoundaryOptions, boundary} from '../../../src/ask/compose/boundary.ts';
import {boundaryTargets} from '../../../src/ask/compose/boundary-targets.ts';
import type {TensorInputs, TextInputs} from '../../../src/data/inputs.ts';
import {BudgetError, TeacherError} from '../../../src/errors.ts';
import type {Outcome, Teacher, TensorInput} from '../../../src/teacher.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {about} from '../fake-teacher.ts';
import {answersIn, scoring} from './members.ts';
import {asking, bytes, labelling, tensor} from './tensor-teacher.ts';

const classes = ['a', 'b', 'c'];

function block(...inputs: readonly TensorInput[]): TensorInputs {
  const {dtype, shape} = inputs[0]!;
  const values = inputs.flatMap(({data}) => [...data]);
  const data = dtype === 'uint8' ? Uint8Array.from(values) : Float32Array.from(values);
  return {kind: 'tensor', dtype, shape, count: inputs.length, data};
}

/** Class b from 3 on along the first axis, class c from 5 on along the second; what is both is c. */
const corner = (values: readonly number[]) => (values[1]! >= 5 ? 2 : values[0]! >= 3 ? 1 : 0);
const references = block(tensor(8, 0), tensor(0, 8), tensor(-1, -1), tensor(20, 0), tensor(0, 20));
const settings = {references, nearest: 1} as const;

const logProbabilitiesOf = async (teacher: Teacher<'black-box'>, ...inputs: TensorInput[]) =>
  answersIn(await teacher.ask(asking(...inputs))).map(answer =>
    answer.kind === 'log-probabilities' ? [...answer.logProbabilities] : [],
  );
const targets = (distances: readonly number[], own = 0, form: 'inverse' | 'power' = 'inverse') =>
  [...boundaryTargets(distances, own, {form, temperature: 1})].map(value => expect.closeTo(value, 2));

describe('boundary', () => {
  it('finds how far the boundary of each other class is, and answers as DB3KD does', async () => {
    const teacher = labelling(classes, corner);
    const whole = boundary(teacher, settings);
    expectTypeOf(whole).toEqualTypeOf<Teacher<'black-box'>>();
    expect(whole).toMatchObject({
      name: 'boundaries of a labeller',
      access: 'black-box',
      detail: {kind: 'log-probabilities'},
    });
    expect(await logProbabilitiesOf(whole, tensor(0, 0), tensor(1, 1))).toEqual([
      targets([0, 3, 5]),
      // From [1, 1] to [8, 0] the first axis is 3 after 2/7 of the way; to [0, 8] the second is 5 after 4/7.
      targets([0, (2 / 7) * Math.hypot(7, 1), (4 / 7) * Math.hypot(1, 7)]),
    ]);
    const power = boundary(teacher, {...settings, form: 'power'});
    expect(await logProbabilitiesOf(power, tensor(0, 0))).toEqual([targets([0, 3, 5], 0, 'power')]);
  });

  it('asks about an input once, about each reference once, and no more than it says about points', async () => {
    const teacher = labelling(classes, corner);
    await boundary(teacher, {references}).ask(asking(tensor(0, 0), tensor(1, 1)));
    // Two ways to each of two classes, eight halvings each, at the most.
    expect(teacher.seen.length).toBeGreaterThan(5 + 2 + 2 * 16);
    expect(teacher.seen.length).toBeLessThanOrEqual(5 + 2 + 2 * 32);
    expect(teacher.seen.slice(0, 5)).toEqual(
      [...Array(5).keys()].map(row => [...references.data.slice(2 * row, 2 * row + 2)]),
    );
  });

  it('takes the shorter of several ways, and leaves one that can not be it', async () => {
    // On the way to [3, 4] class b begins at once; on that to [8, 0] not before 4.
    const odd = (values: readonly number[]) => (values[1]! >= 5 ? 2 : values[0]! + 2 * values[1]! >= 4 ? 1 : 0);
    const teacher = labelling(classes, odd);
    const near = block(tensor(8, 0), tensor(3, 4), tensor(0, 8), tensor(-1, -1));
    const whole = boundary(teacher, {references: near, bisections: 12});
    expect(await logProbabilitiesOf(whole, tensor(0, 0))).toEqual([targets([0, (4 / 11) * 5, 5])]);
    const asked = teacher.seen.length - 5;
    expect(asked).toBeLessThan(3 * 12);
  });

  it('goes by what the teacher says, of the references as well', async () => {
    const swapped = labelling(classes, values => [0, 2, 1][corner(values)]);
    expect(await logProbabilitiesOf(boundary(swapped, settings), tensor(0, 0))).toEqual([targets([0, 5, 3])]);
  });

  it('never spends more than it may, and halves all ways before the shortest once more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({min: 1, max: 40}), fc.integer({min: 1, max: 9}), async (most, bisections) => {
        const teacher = labelling(classes, corner);
        await boundary(teacher, {references, most, bisections}).ask(asking(tensor(0, 0)));
        expect(teacher.seen.length - 6).toBeLessThanOrEqual(Math.min(most, 4 * bisections));
      }),
      {numRuns: 50},
    );
    const teacher = labelling(classes, corner);
    await boundary(teacher, {...settings, most: 3}).ask(asking(tensor(0, 0)));
    expect(teacher.seen.slice(6)).toEqual([
      [4, 0],
      [0, 4],
      // 4 is of class b, and 8 still the least that is known of c: the way to b is the shorter one.
      [2, 0],
    ]);
  });

  it('asks about whole numbers if inputs hold such, about none twice, and measures bytes from 0 to 1', async () => {
    const teacher = labelling(classes, corner);
    const near = block(bytes(8, 0), bytes(0, 8), bytes(1, 1));
    const whole = boundary(teacher, {references: near, nearest: 1, bisections: 30});
    expect(await logProbabilitiesOf(whole, bytes(0, 0))).toEqual([targets([0, 3 / 255, 5 / 255])]);
    expect(new Set(teacher.seen.map(values => values.join())).size).toBe(teacher.seen.length);
    expect(teacher.seen.flat().every(Number.isInteger)).toBe(true);
    // 4, 2, 3; and 4, 6, 5.
    expect(teacher.seen.length).toBe(3 + 1 + 6);
  });

  it('passes errors on as those of the query, and asks about references again if they may have an answer yet', async () => {
    const failing = (error: Error, isOdd: (values: readonly number[]) => boolean): Teacher<'black-box'> => {
      const teacher = labelling(classes, corner);
      return {
        ...teacher,
        async ask(queries, options) {
          const outcomes = await teacher.ask(queries, options);
          return outcomes.map((outcome, row): Outcome<'black-box'> => {
            const {input} = queries[row]!;
            return input.kind === 'tensor' && isOdd([...input.data]) ? {error} : outcome;
          });
        },
      };
    };
    const inputs = asking(tensor(0, 0), tensor(1, 1));
    const point = boundary(
      failing(new Error('odd'), ([x]) => x === 4),
      settings,
    );
    expect(await point.ask(inputs)).toMatchObject([{error: {message: 'Teacher a labeller: odd'}}, {answer: {}}]);
    // What it can't answer is left out; there is another reference of that class.
    const refused = new TeacherError('a labeller', 'Too odd.');
    expect(
      await boundary(
        failing(refused, ([x]) => x === 8),
        settings,
      ).ask(inputs),
    ).toMatchObject([{answer: {}}, {answer: {}}]);
    const spent = boundary(
      failing(new BudgetError('Spent.'), ([x]) => x === 8),
      settings,
    );
    const error = {name: 'BudgetError', message: 'Spent.'};
    expect(await spent.ask(inputs)).toMatchObject([{error}, {error}]);
  });

  it('says so if the teacher says a class of no reference, and if an input is another kind of thing', async () => {
    const teacher = labelling(classes, corner);
    const few = boundary(teacher, {references: block(tensor(8, 0), tensor(-1, 0))});
    await expect(few.ask(asking(tensor(0, 0)))).rejects.toThrow(
      'Teacher a labeller says of none of the 2 references that it is of class c',
    );
    const outcomes = await boundary(teacher, settings).ask(asking(bytes(0, 0), tensor(0, 0)));
    expect(outcomes).toMatchObject([{error: {name: 'InputError', message: /float32 \[2\], and this/}}, {answer: {}}]);
  });

  it('refuses options that are out of their range, or say nothing', () => {
    const teacher = labelling(classes, corner);
    const refused = (options: Partial<BoundaryOptions>) => expect(() => boundary(teacher, {...settings, ...options}));
    for (const value of [0, 1.5, -1]) {
      refused({nearest: value}).toThrow('Expected `nearest` of boundary to be a whole number above 0');
      refused({bisections: value}).toThrow('`bisections`');
      refused({most: value}).toThrow('`most`');
    }
    for (const temperature of [0, -1, Number.NaN]) refused({temperature}).toThrow('`temperature` of boundary');
    refused({form: 'power', temperature: 2}).toThrow('`power` has none');
    const texts: TextInputs = {kind: 'text', count: 1, texts: ['a']};
    refused({references: texts}).toThrow('these references are texts');
    const two = labelling(['a', 'b'], () => 0);
    expect(() => boundary(two, settings)).toThrow('has two classes, of which the form `inverse`');
    expect(boundary(two, {...settings, form: 'power'}).classes).toEqual(['a', 'b']);
  });

  it('is another teacher by each of its options', () => {
    const teacher = labelling(classes, corner);
    const all: Partial<BoundaryOptions>[] = [
      {},
      {references: block(tensor(8, 0), tensor(0, 8))},
      {nearest: 2},
      {bisections: 7},
      {most: 5},
      {form: 'power'},
      {temperature: 2},
    ];
    const identities = all.map(options => JSON.stringify(boundary(teacher, {...settings, ...options}).identity));
    expect(new Set(identities).size).toBe(all.length);
  });

  it('shows what it estimates of a teacher that shows more as a black box, too', async () => {
    const scored = scoring('one', [0.2, 0.3, 0.5]);
    expect(boundary(scored, settings).access).toBe('black-box');
  });
});

describe('boundary, as every teacher', () => {
  testTeacher({
    it,
    teacher: () => boundary(labelling(classes, corner), settings),
    queries: asking(tensor(0, 0), tensor(1, 1), tensor(4, 1)),
    badQuery: about(1)[0]!,
  });
});
