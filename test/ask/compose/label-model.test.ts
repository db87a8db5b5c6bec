import {describe, expect, expectTypeOf, it} from 'vitest';
import {type DawidSkeneFit, dawidSkene, logPosterior} from '../../../src/ask/compose/dawid-skene.ts';
import {labelModel} from '../../../src/ask/compose/label-model.ts';
import type {LayerOptions} from '../../../src/ask/layer.ts';
import type {TextInputs} from '../../../src/data/inputs.ts';
import {randomFraction, seededRandom} from '../../../src/data/random.ts';
import {BudgetError, TeacherError} from '../../../src/errors.ts';
import type {Outcome, Teacher} from '../../../src/teacher.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {about, type FakeTeacher, fakeTeacher} from '../fake-teacher.ts';
import {answersIn, scoring} from './members.ts';

const classes = ['a', 'b', 'c'];

const inputs = (count: number): TextInputs => ({
  kind: 'text',
  count,
  texts: Array.from({length: count}, (_, index) => String(index)),
});

/** Says of a number what it is modulo 3, and is wrong as often as `errs`; the same each time. */
function erring(
  name: string,
  errs: number,
  fields: Partial<Teacher<'black-box'>> = {},
  errorOf: (number: number) => Error | undefined = () => undefined,
): FakeTeacher<'black-box'> {
  const own = fields.classes ?? classes;
  return fakeTeacher<'black-box'>(
    {access: 'black-box', detail: {kind: 'label'}, name, identity: {service: name}, maxBatch: 100, ...fields},
    numbers =>
      numbers.map((number): Outcome<'black-box'> => {
        const error = errorOf(number);
        if (error) return {error};
        const random = seededRandom(number, name);
        const truth = classes[number % 3]!;
        const said =
          randomFraction(random) < errs ? classes[(number + 1 + Math.floor(2 * randomFraction(random))) % 3]! : truth;
        return {answer: {kind: 'label', label: own.indexOf(said)}};
      }),
  );
}

const three = () => [erring('one', 0.05), erring('two', 0.4), erring('three', 0.5)] as const;
const bestOf = (outcomes: readonly Outcome<'black-box'>[]) =>
  answersIn(outcomes).map(answer => {
    const values = answer.kind === 'log-probabilities' ? [...answer.logProbabilities] : [];
    return values.indexOf(Math.max(...values));
  });

describe('labelModel', () => {
  it('answers with the posterior of the model that is fitted to what its teachers say', async () => {
    const teachers = three();
    const fits: DawidSkeneFit[] = [];
    const whole = labelModel(teachers, {inputs: inputs(300), onFit: fit => fits.push(fit)});
    expectTypeOf(whole).toEqualTypeOf<Teacher<'black-box'>>();
    expect(whole).toMatchObject({
      name: 'label model of one, two, three',
      access: 'black-box',
      detail: {kind: 'log-probabilities'},
    });
    const answers = answersIn(await whole.ask(about(1000, 1001)));
    const said = async (numbers: readonly number[]) =>
      Promise.all(
        three().map(async teacher =>
          answersIn(await teacher.ask(about(...numbers))).map(answer => (answer.kind === 'label' ? answer.label : -1)),
        ),
      );
    const expected = dawidSkene(await said([...Array(300).keys()]), {classes: 3});
    expect(fits).toEqual([expected]);
    const of1000 = (await said([1000])).map(([label]) => label!);
    expect(answers[0]).toEqual({
      kind: 'log-probabilities',
      logProbabilities: Float32Array.from(logPosterior(expected, of1000)),
    });
  });

  it('believes the teacher that is mostly right against two that are not, fitted to enough', async () => {
    const whole = labelModel(three(), {inputs: inputs(3000)});
    const numbers = Array.from({length: 300}, (_, index) => 5000 + index);
    const best = bestOf(await whole.ask(about(...numbers)));
    expect(best.filter((label, index) => label === numbers[index]! % 3).length / 300).toBeGreaterThan(0.93);
  });

  it('asks each about the inputs once, and knows classes by their names', async () => {
    const [one, two, three_] = three();
    const other = erring('two', 0.4, {classes: ['c', 'a', 'b']});
    const [plain, turned] = [
      labelModel([one, two, three_], {inputs: inputs(100)}),
      labelModel([one, other, three_], {inputs: inputs(100)}),
    ];
    const asked = about(7, 8, 9);
    expect(await turned.ask(asked)).toEqual(await plain.ask(asked));
    await plain.ask(about(10));
    expect(two.calls.flat().length).toBe(104);
    expect(() => labelModel([one, two, erring('x', 0, {classes: ['a', 'b']})], {inputs: inputs(9)})).toThrow(
      'Teacher x speaks of the classes a, b',
    );
  });

  it('counts a teacher that can not answer for nothing, as long as one can', async () => {
    const refusal = new TeacherError('one', 'Too long.');
    const every = (n: number) => (number: number) => (number % n === 0 ? refusal : undefined);
    const [one, two, three_] = [
      erring('one', 0.05, {}, every(2)),
      erring('two', 0.4, {}, every(3)),
      erring('three', 0.5, {}, every(5)),
    ];
    const fits: DawidSkeneFit[] = [];
    const whole = labelModel([one, two, three_], {inputs: inputs(300), onFit: fit => fits.push(fit)});
    const outcomes = await whole.ask(about(1002, 30 * 40));
    expect(outcomes).toMatchObject([
      {answer: {kind: 'log-probabilities'}},
      {error: {message: 'Teacher one: Too long.'}},
    ]);
    // Of 1002 only the third says anything.
    const [third] = answersIn(await three_.ask(about(1002)));
    const said = [-1, -1, third!.kind === 'label' ? third!.label : -1];
    const logProbabilities = Float32Array.from(logPosterior(fits[0]!, said));
    expect(outcomes[0]).toEqual({answer: {kind: 'log-probabilities', logProbabilities}});
    expect(fits[0]!.posteriors.length).toBe(900);
  });

  it('has the error of a query that may be answered yet, and of all if an input of the fit is such', async () => {
    const spent = new BudgetError('Spent.');
    const at = (number: number) => (asked: number) => (asked === number ? spent : undefined);
    const late = labelModel([erring('one', 0.1, {}, at(500)), erring('two', 0.1), erring('three', 0.1)], {
      inputs: inputs(50),
    });
    expect(await late.ask(about(500, 501))).toMatchObject([{error: {name: 'BudgetError'}}, {answer: {}}]);
    const early = labelModel([erring('one', 0.1, {}, at(5)), erring('two', 0.1), erring('three', 0.1)], {
      inputs: inputs(50),
    });
    const settled: number[] = [];
    const options: LayerOptions = {onSettled: count => settled.push(count)};
    expect(await early.ask(about(500, 501), options)).toMatchObject([{error: spent}, {error: spent}]);
    expect(settled).toEqual([2]);
  });

  it('refuses fewer than three teachers, none to be fitted to, and a teacher that answers nothing', async () => {
    const [one, two, three_] = three();
    expect(() => labelModel([one, two], {inputs: inputs(9)})).toThrow('A label model is of 3 teachers at least, got 2');
    expect(() => labelModel([one, two, three_], {inputs: inputs(0)})).toThrow('A label model is fitted to inputs.');
    for (const smoothing of [0, -1, Number.NaN]) {
      expect(() => labelModel([one, two, three_], {inputs: inputs(9), smoothing})).toThrow(
        '`smoothing` of a label model',
      );
    }
    const silent = erring('silent', 0, {}, () => new TeacherError('silent', 'No.'));
    await expect(labelModel([one, two, silent], {inputs: inputs(9)}).ask(about(1))).rejects.toThrow(
      'Teacher silent answered nothing of what a label model is to be fitted to.',
    );
  });

  it('takes the most probable class of teachers that show more', async () => {
    const [one, two] = three();
    const whole = labelModel([one, two, scoring('scored', [0.1, 0.8, 0.1])], {inputs: inputs(30)});
    expect(answersIn(await whole.ask(about(1)))[0]!.kind).toBe('log-probabilities');
  });

  it('is another teacher by each of its options', () => {
    const teachers = three();
    const identities = [
      labelModel(teachers, {inputs: inputs(30)}),
      labelModel(teachers, {inputs: inputs(31)}),
      labelModel(teachers, {inputs: inputs(30), smoothing: 2}),
      labelModel(teachers.toReversed(), {inputs: inputs(30)}),
    ].map(({identity}) => JSON.stringify(identity));
    expect(new Set(identities).size).toBe(4);
  });
});

describe('a label model, as every teacher', () => {
  testTeacher({it, teacher: () => labelModel(three(), {inputs: inputs(60)}), queries: about(1, 2, 3)});
});
