import {describe, expect, it} from 'vitest';
import {collect, collectAnswered} from '../../../src/ask/collect.ts';
import {boundary} from '../../../src/ask/compose/boundary.ts';
import {calibrated} from '../../../src/ask/compose/calibrated.ts';
import {labelModel} from '../../../src/ask/compose/label-model.ts';
import {repeat} from '../../../src/ask/compose/repeat.ts';
import {planAsking} from '../../../src/ask/plan/plan.ts';
import type {TensorInputs, TextInputs} from '../../../src/data/inputs.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {type PayingTeacher, payingTeacher, type Respond} from '../paying-teacher.ts';
import {askingPlace} from './asking-place.ts';
import {labelling} from './tensor-teacher.ts';

const inputs = (count: number): TextInputs => ({
  kind: 'text',
  count,
  texts: Array.from({length: count}, (_, number) => String(number)),
});
const transfer = (some: TextInputs | TensorInputs) => ({role: 'transfer', inputs: some}) as const;

/** Asks one number at a time, and says of the odd ones another class each time. */
const wavering = (name: string, fields: Partial<Teacher<'black-box'>> = {}): PayingTeacher => {
  const times = new Map<number, number>();
  const respond: Respond = ([number]) => {
    const time = times.get(number!) ?? 0;
    times.set(number!, time + 1);
    return {status: 200, headers: {}, body: JSON.stringify({labels: [number! % 2 === 0 ? 0 : time % 3], tokens: 1})};
  };
  return payingTeacher(respond, {name, identity: {service: name}, maxBatch: 1, ...fields});
};

const place = askingPlace();
const {open} = place;

describe('votes that stop, with their layers', () => {
  const stopping = (teacher: Teacher<'black-box'>) => repeat(teacher, {samples: 12, stop: {sure: 0.9}});

  it('cost four answers if they are clear, and nothing when they are counted again', async () => {
    const one = wavering('one');
    const {teacher, ledger, meter} = (await open()).open(stopping(one));
    const told: number[] = [];
    const first = await collect(teacher, transfer(inputs(6)), {onProgress: done => told.push(done)});
    expect(ledger.snapshot()).toMatchObject({bought: 3 * 4 + 3 * 12});
    expect(told.at(-1)).toBe(6);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(meter(6, 6).progress.isDone).toBe(true);
    await place.asking.close();
    const again = (await open({record: 'none'})).open(stopping(one));
    expect(await collect(again.teacher, transfer(inputs(6)))).toEqual(first);
  });

  it('are planned as four at least and all at most, and as nothing if they are kept', async () => {
    const one = wavering('one');
    const {store} = await open();
    const whole = stopping(one);
    expect(await planAsking(whole, inputs(5), {store})).toMatchObject({
      inputs: 5,
      cached: 0,
      calls: {low: 20, expected: 60, worst: 300},
    });
    await collect(place.asking.open(whole).teacher, transfer(inputs(4)));
    // Two are clear after four and two asked about to the end: nothing of these is left to ask.
    expect(await planAsking(whole, inputs(5), {store})).toMatchObject({
      cached: 4,
      // Eight answers each they took in the mean.
      calls: {low: 4, expected: 8, worst: 60},
      parts: [{inputs: 60, cached: 48}],
    });
  });

  it('are planned to the end if the least was asked and did not do', async () => {
    const one = wavering('one');
    const {store} = await open();
    const four = repeat(one, {samples: 4});
    await collect(place.asking.open(four).teacher, transfer(inputs(2)));
    const clear = await planAsking(stopping(one), {kind: 'text', count: 1, texts: ['0']}, {store});
    expect(clear).toMatchObject({cached: 1, calls: {worst: 0}});
    // Of 0 four do; 1 goes on for sure, and nothing is known of 2 but that 0 took four.
    const some = {kind: 'text', count: 3, texts: ['0', '1', '2']} as const;
    expect(await planAsking(stopping(one), some, {store})).toMatchObject({
      cached: 1,
      calls: {low: 4, expected: 8 + 4, worst: 5 * (8 + 12)},
    });
  });

  it('never pass the budget, and go on from there', async () => {
    const one = wavering('one');
    const {teacher} = (await open({budget: [{calls: 10}]})).open(stopping(one));
    const {missing} = await collectAnswered(teacher, transfer(inputs(4)));
    expect(place.asking.spent.calls).toBe(10);
    expect(missing[0]!.error).toMatchObject({name: 'BudgetError'});
    await place.asking.close();
    await collect((await open()).open(stopping(one)).teacher, transfer(inputs(4)));
    expect(one.requests.length).toBe(2 * 4 + 2 * 12);
  });
});

describe('a boundary, with its layers', () => {
  const block = (...rows: readonly (readonly number[])[]): TensorInputs => ({
    kind: 'tensor',
    dtype: 'float32',
    shape: [2],
    count: rows.length,
    data: Float32Array.from(rows.flat()),
  });
  const references = block([8, 0], [0, 8], [-1, -1]);
  const corner = ([x, y]: readonly number[]) => (y! >= 5 ? 2 : x! >= 3 ? 1 : 0);

  it('is planned with its references and its search, costs no more, and nothing again', async () => {
    const one = labelling(['a', 'b', 'c'], corner, {maxBatch: 1});
    const {store} = await open();
    const whole = boundary(one, {references, nearest: 1, bisections: 4});
    const some = block([0, 0], [1, 1], [8, 0]);
    expect(await planAsking(whole, some, {store})).toMatchObject({
      inputs: 3,
      cached: 0,
      // Three references, and two inputs that are none of these; eight points for each input.
      parts: [
        {inputs: 3, calls: {low: 3, worst: 15}},
        {inputs: 3 + 24, calls: {low: 2, expected: 26, worst: 130}},
      ],
    });
    await collect(place.asking.open(whole).teacher, transfer(some));
    expect(one.seen.length).toBeLessThanOrEqual(5 + 24);
    expect(await planAsking(whole, some, {store})).toMatchObject({
      cached: 3,
      parts: [{calls: {worst: 0}}, {calls: {worst: 0}}],
    });
    const seen = one.seen.length;
    await collect(place.asking.open(whole).teacher, transfer(some));
    expect(one.seen.length).toBe(seen);
    const more = await planAsking(whole, block([0, 0], [9, 9]), {store});
    expect(more).toMatchObject({cached: 1, parts: [{calls: {worst: 0}}, {calls: {low: 1, expected: 9}}]});
  });
});

describe('teachers that are fitted first, with their layers', () => {
  const three = () => ['one', 'two', 'three'].map(name => wavering(name));

  it('ask about what they are fitted to once, inputs of the transfer set for nothing more', async () => {
    const teachers = three();
    const whole = labelModel(teachers, {inputs: inputs(6)});
    const {store} = await open();
    expect(await planAsking(whole, inputs(8), {store})).toMatchObject({
      cached: 0,
      calls: {low: 24, expected: 24},
      parts: [{inputs: 6}, {inputs: 8, cached: 6}, {inputs: 6}, {inputs: 8}, {inputs: 6}, {inputs: 8}],
    });
    const {ledger, teacher} = place.asking.open(whole);
    await collect(teacher, transfer(inputs(8)));
    expect(ledger.snapshot().bought).toBe(24);
    expect(teachers.map(({requests}) => requests.length)).toEqual([8, 8, 8]);
    expect(await planAsking(whole, inputs(8), {store})).toMatchObject({cached: 8, calls: {worst: 0}});
    await place.asking.close();
    const offline = (await open({record: 'none'})).open(labelModel(teachers, {inputs: inputs(6)}));
    await collect(offline.teacher, transfer(inputs(8)));
  });

  it('leave every query without an answer at the end of a budget, and go on from there', async () => {
    const teachers = three();
    const whole = labelModel(teachers, {inputs: inputs(6)});
    const {teacher} = (await open({budget: [{calls: 7}]})).open(whole);
    await expect(collectAnswered(teacher, transfer(inputs(2)))).rejects.toThrow(/left 2 of 2 inputs without an answer/);
    expect(place.asking.spent.calls).toBe(7);
    await place.asking.close();
    await collect((await open()).open(whole).teacher, transfer(inputs(2)));
    expect(teachers.flatMap(({requests}) => requests).length).toBe(18);
  });

  it('may be made of others that are asked in rounds', async () => {
    const votes = repeat(wavering('one'), {samples: 12, stop: {sure: 0.9}});
    const examples = {inputs: inputs(100), labels: new Int32Array(100)};
    const whole = calibrated(votes, {examples});
    const {store} = await open();
    expect(await planAsking(whole, inputs(102), {store})).toMatchObject({
      calls: {low: 4 * 102, expected: 12 * 102},
      parts: [{inputs: 1200}, {inputs: 12 * 102, cached: 1200}],
    });
    await collect(place.asking.open(whole).teacher, transfer(inputs(102)));
    expect(await planAsking(whole, inputs(102), {store})).toMatchObject({cached: 102, calls: {worst: 0}});
    // Another input takes nothing but itself.
    expect(await planAsking(whole, inputs(103), {store})).toMatchObject({cached: 102, calls: {low: 4, expected: 8}});
  });

  it('stop with what is under way finished, before they are fitted', async () => {
    const stop = new AbortController();
    const teachers = three();
    const slow = payingTeacher(
      ([number]) => {
        if (number === 2) stop.abort(new Error('enough'));
        return {status: 200, headers: {}, body: JSON.stringify({labels: [0], tokens: 1})};
      },
      {name: 'slow', identity: {service: 'slow'}, maxBatch: 1, concurrency: 1},
    );
    const whole = labelModel([...teachers, slow], {inputs: inputs(6)});
    const {teacher} = (await open()).open(whole);
    await expect(collect(teacher, transfer(inputs(6)), {signal: stop.signal})).rejects.toThrow('enough');
    expect(slow.requests.flat()).toEqual([0, 1, 2]);
    await collect(place.asking.open(whole).teacher, transfer(inputs(6)));
    expect(slow.requests.flat()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
