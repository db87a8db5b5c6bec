import {readdirSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {type Asking, openAsking} from '../../src/ask/asking.ts';
import {collect} from '../../src/ask/collect.ts';
import {degrade} from '../../src/ask/compose/degrade.ts';
import {studentEfficiency, teacherEfficiency} from '../../src/evaluate/efficiency.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {saveStudent} from '../../src/student/files.ts';
import type {Query, Teacher} from '../../src/teacher.ts';
import {folders, startedTinyModel, tinyData} from '../study/tiny.ts';

const newFolder = folders();
const model = await startedTinyModel();
const {inputs} = tinyData().test;
const whole = asTeacher(model, {maxBatch: 8});

async function opened(): Promise<Asking> {
  const folder = await newFolder();
  return openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
}

const ask = async (asking: Asking, teacher: Teacher) =>
  collect(asking.open(teacher).teacher, {role: 'transfer', inputs});

/** A service that takes 20 ms for a request about up to 8 inputs, and costs $0.004 for each. */
function hosted(): Teacher<'black-box'> {
  const shown = degrade(whole, {access: 'black-box', detail: {kind: 'label'}});
  const {parts: _, ...rest} = shown;
  const read = ({body}: {readonly body: string}) =>
    (JSON.parse(body) as number[]).map(label => ({answer: {kind: 'label' as const, label}}));
  const answer = async (queries: readonly Query[]) => {
    await setTimeout(20);
    return {status: 200, headers: {}, body: JSON.stringify(queries.map((_, row) => row % 3))};
  };
  return {
    ...rest,
    identity: {service: 'hosted'},
    maxBatch: 8,
    service: {account: 'hosted', reader: 1, read, price: {perCall: 0.004}},
    async ask(queries, {exchange} = {}) {
      const send = () => answer(queries);
      return read(await (exchange ? exchange([...queries.keys()], send) : send()));
    },
  };
}

describe('the efficiency of a student', () => {
  it('is the size of its folder, its parameters, and times of single answers and of batches', async () => {
    const directory = join(await newFolder(), 'student');
    await saveStudent(directory, model);
    const {bytes, parameters, latency, answersPerSecond} = await studentEfficiency(directory, inputs);
    const sizes = readdirSync(directory).map(name => statSync(join(directory, name)).size);
    expect(bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect(parameters).toBe(16 * 12 + 12 + 12 * 3 + 3);
    expect(latency).toMatchObject({requests: inputs.count, inputsEach: 1});
    expect(latency!.p50).toBeGreaterThan(0);
    expect(latency!.p99).toBeGreaterThanOrEqual(latency!.p50);
    expect(answersPerSecond).toBeGreaterThan(0);
  });
});

describe('the efficiency of a teacher', () => {
  const options = {level: 'white-box', inputs, detail: {kind: 'log-probabilities'}} as const;

  it('is measured in this process if it was asked in this run, one composed of it, too', async () => {
    const asking = await opened();
    const shown = degrade(whole, {access: 'gray-box', detail: {kind: 'log-probabilities'}});
    expect(await teacherEfficiency(asking, whole, options)).toEqual({
      level: 'white-box',
      teacher: whole.name,
      usdPerThousand: 0,
    });
    await ask(asking, shown);
    for (const teacher of [whole, shown]) {
      const {latency, answersPerSecond, usdPerThousand} = await teacherEfficiency(asking, teacher, options);
      expect(latency).toMatchObject({requests: inputs.count, inputsEach: 1});
      expect(answersPerSecond).toBeGreaterThan(0);
      expect(usdPerThousand).toBe(0);
    }
    await asking.close();
  });

  it('is what was seen of a service in this run, with its price, and costs no request', async () => {
    const asking = await opened();
    const teacher = hosted();
    const label = {level: 'black-box', inputs, detail: {kind: 'label'}} as const;
    // 30 inputs take 4 requests.
    const price = expect.closeTo((1000 * 4 * 0.004) / 30, 9);
    const before = await teacherEfficiency(asking, teacher, label);
    expect(before).toEqual({level: 'black-box', teacher: teacher.name, usdPerThousand: price});
    await ask(asking, teacher);
    const after = await teacherEfficiency(asking, teacher, label);
    expect(after).toMatchObject({latency: {requests: 4, inputsEach: 30 / 4}, usdPerThousand: price});
    expect(after).not.toHaveProperty('answersPerSecond');
    expect(after.latency!.p50).toBeGreaterThan(15);
    expect(asking.requestsTo(teacher)[0]!.requests.milliseconds).toHaveLength(4);
    await asking.close();
  });
});
