import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {type Asking, type AskingOptions, openAsking} from '../../../src/ask/asking.ts';
import {collectAnswered} from '../../../src/ask/collect.ts';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {repeat} from '../../../src/ask/compose/repeat.ts';
import {InputError, PendingError} from '../../../src/errors.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {about, fakeTeacher, labelled} from '../fake-teacher.ts';
import {labels, payingTeacher} from '../paying-teacher.ts';
import {type BatchingOptions, batchingTeacher} from './batching-teacher.ts';

const named = (name: string, options: BatchingOptions = {}) =>
  batchingTeacher({teacher: payingTeacher(undefined, {name, identity: {service: name}}), ...options});
const sleep = async () => {};
const transfer = {role: 'transfer', inputs: {kind: 'text', count: 4, texts: ['1', '2', '3', '4']}} as const;

let folder: string;
let asking: Asking | undefined;

/** A run of a program over what earlier ones left. */
async function open<T extends Teacher>(teacher: T, options: Partial<AskingOptions> = {lane: {sleep}}) {
  await close();
  asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal'), ...options});
  return asking.open<T['access']>(teacher);
}

async function close(): Promise<void> {
  await asking?.close();
  asking = undefined;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-lanes-'));
});

afterEach(async () => {
  await close();
  await rm(folder, {recursive: true});
});

describe('the lanes of a teacher that is made of others', () => {
  it('are those of its parts, each with batches of its own; what runs in this process just runs', async () => {
    const local = fakeTeacher<'black-box'>({access: 'black-box', detail: {kind: 'label'}}, numbers =>
      numbers.map(labelled),
    );
    const [one, two] = [named('one'), named('two')];
    const {teacher, ledger} = await open(ensemble([one, two, local]));
    const outcomes = await teacher.ask(about(1, 2, 3, 4));
    expect(outcomes.filter(outcome => 'error' in outcome)).toEqual([]);
    expect([one, two].map(({batches}) => batches.map(batch => batch.numbers))).toEqual([[[2, 3, 4]], [[2, 3, 4]]]);
    expect(ledger.snapshot()).toMatchObject({asked: 12, bought: 12});
  });

  it('submit each sample of a query', async () => {
    const teacher = named('one');
    const {teacher: votes} = await open(repeat(teacher, {samples: 3}));
    await votes.ask(about(1, 2));
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([[1, 1, 2, 2, 2]]);
    expect(new Set(teacher.batches[0]!.ids).size).toBe(5);
  });

  it('leave a query without an answer that one part has under way', async () => {
    const [slow, fast] = [named('slow', {looks: 9}), named('fast', {looks: 0})];
    const {teacher} = await open(ensemble([slow, fast]), {lane: {detached: true, sleep}});
    const outcomes = await teacher.ask(about(1, 2, 3));
    expect(outcomes.map(outcome => ('error' in outcome ? outcome.error : 'answered'))).toEqual([
      'answered',
      expect.any(PendingError),
      expect.any(PendingError),
    ]);
  });
});

describe('openAsking by lanes', () => {
  it('refuses a service that has none, and to watch for drift', async () => {
    await expect(open(payingTeacher())).rejects.toThrow(InputError);
    await expect(openAsking({cache: 'c', journal: 'j', lane: {}, drift: {every: 5}})).rejects.toThrow(
      'Drift is watched',
    );
  });

  it('says in the line of progress how far the batches are', async () => {
    const told: string[] = [];
    const opened = await open(named('one', {looks: 2}), {
      lane: {sleep: async () => void told.push(opened.meter(0, 5).detail)},
    });
    await opened.teacher.ask(about(1, 2, 3, 4, 5));
    expect(told[0]).toMatch(/^a batch under way, 0 of 4 requests done · 1 bought/);
  });

  it('writes nothing down and submits nothing if nothing is to be asked', async () => {
    const teacher = named('one');
    const {teacher: layered} = await open(teacher, {lane: {sleep}, record: 'none'});
    const [outcome] = await layered.ask(about(1));
    expect(outcome).toMatchObject({error: {message: expect.stringContaining('offline none is bought')}});
    expect(teacher.batches).toEqual([]);
  });

  it('keeps nothing of a set of which all is under way', async () => {
    const teacher = named('one', {looks: 9, teacher: payingTeacher(() => labels([0]))});
    const {teacher: layered} = await open(teacher, {lane: {detached: true, sleep}});
    const one = {...transfer, inputs: {...transfer.inputs, count: 1, texts: ['1']}};
    await expect(collectAnswered(layered, one)).rejects.toThrow(PendingError);
    const {knowledge, missing} = await collectAnswered(layered, transfer);
    expect(knowledge.inputs.count).toBe(1);
    expect(missing.map(({error}) => error)).toEqual(new Array(3).fill(expect.any(PendingError)));
  });
});
