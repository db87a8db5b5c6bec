import type {LookupFunction} from 'node:net';
import {Agent} from 'undici';
import {describe, expect, it} from 'vitest';
import {decisions} from '../../../adapters/decisions.ts';
import {embeddings} from '../../../adapters/embeddings.ts';
import {openai} from '../../../adapters/openai.ts';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {noteEndings, whileNotingEndings} from '../../../src/ask/provider/endings.ts';
import {predicate} from '../../../src/questions.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {type JsonReply, jsonServer} from '../../adapters/json-server.ts';

const classes = ['ham', 'spam'];
const day = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

const lookup: LookupFunction = (_host, _options, callback) =>
  callback(null, [{address: '127.0.0.1', family: 4}] as never);

/** A server on this machine that teachers reach by a name on the internet. */
async function provider(list: () => JsonReply | Promise<JsonReply>) {
  const asked: string[] = [];
  const local = await jsonServer((_, path) => {
    asked.push(path);
    return list();
  });
  const url = `http://api.models.test:${new URL(local).port}/v1`;
  const shared = {url, key: 'sk-very-secret-1234', dispatcher: new Agent({connect: {lookup}})} as const;
  return {
    asked,
    local,
    shared,
    teacher: (model: string, key: string = shared.key): Teacher<'black-box'> =>
      openai({...shared, key, model, classes, output: 'label'}),
  };
}

async function notesOn(teachers: readonly Teacher[], patience?: number): Promise<readonly string[]> {
  const notes: string[] = [];
  await noteEndings(teachers, {onNote: note => notes.push(note), ...(patience !== undefined && {patience})});
  return notes;
}

const models = [
  {id: 'leaves', shutdown_date: day(44)},
  {id: 'left', shutdown_date: day(-3)},
  {id: 'vague', shutdown_date: 'next spring'},
  {id: 'stays', shutdown_date: null},
  {id: 'plain'},
  {id: 'routed', expiration_date: day(1)},
  {id: 'small-2603', aliases: ['small-latest'], deprecation: `${day(7)}T12:00:00Z`},
];

describe('the models that end', () => {
  it('are named with the days left, by one look-up for all teachers of an account', async () => {
    const {asked, teacher, shared} = await provider(() => ({body: {object: 'list', data: models}}));
    const names = ['leaves', 'left', 'vague', 'stays', 'plain', 'routed', 'small-latest', 'unknown'];
    const whole = ensemble(names.map(name => teacher(name)));
    const notes = await notesOn([whole, teacher('leaves')]);
    const at = `at ${shared.url}`;
    expect(notes).toEqual([
      `The model of openai leaves ${at} ends on ${day(44)}, in 44 days. Answers that are kept stay.`,
      `The model of openai left ${at} has ended on ${day(-3)}. Answers that are kept stay.`,
      `The model of openai vague ${at} has an announced end: next spring. Answers that are kept stay.`,
      `The model of openai routed ${at} ends on ${day(1)}, in 1 day. Answers that are kept stay.`,
      `The model of openai small-latest ${at} ends on ${day(7)}, in 7 days. Answers that are kept stay.`,
    ]);
    expect(asked).toEqual(['/v1/models']);
    await notesOn([teacher('leaves'), teacher('leaves', 'sk-another-account-99')]);
    expect(asked).toHaveLength(3);
  });

  it('are known of decisions and embeddings in the protocol of OpenAI', async () => {
    const {shared} = await provider(() => ({body: {data: models}}));
    const typed = decisions({...shared, model: 'left', questions: [predicate('late', 'Is it late?')]});
    const notes = await notesOn([typed, embeddings({...shared, model: 'leaves'})]);
    expect(notes.map(note => note.replace(/ at .*? (has|ends)/, ' $1'))).toEqual([
      `The model of decisions left has ended on ${day(-3)}. Answers that are kept stay.`,
      `The model of embeddings leaves ends on ${day(44)}, in 44 days. Answers that are kept stay.`,
    ]);
  });

  it.each<readonly [string, JsonReply]>([
    ['is refused', {status: 401, body: {error: {message: 'no'}}}],
    ['is missing', {status: 404, body: {}}],
    ['is no list', {body: 'a page'}],
    ['has other fields', {body: {data: [{id: 'leaves', shutdown_date: {on: 'x'}}]}}],
  ])('stop nobody if the list %s', async (_, reply) => {
    const {asked, teacher} = await provider(() => reply);
    expect(await notesOn([teacher('leaves')])).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  it('stop nobody if the list is slow, or nothing answers', async () => {
    const {teacher, shared} = await provider(() => ({body: {data: models}}));
    const slow = openai({...shared, model: 'leaves', classes, output: 'label', url: 'http://api.models.test:9/v1'});
    expect(await notesOn([slow])).toEqual([]);
    expect(await notesOn([teacher('leaves')], 0)).toEqual([]);
  });

  it('are told while the work goes on, and before it counts as done', async () => {
    const order: string[] = [];
    let release = () => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    const {teacher} = await provider(() => held.then(() => ({body: {data: models}})));
    const options = {onNote: () => order.push('told')};
    const result = await whileNotingEndings([teacher('leaves')], options, async () => {
      order.push('worked');
      release();
      return 'done';
    });
    expect([result, ...order]).toEqual(['done', 'worked', 'told']);
  });

  it('are told no more, and waited for no longer, if the work fails', async () => {
    const {teacher} = await provider(() => new Promise<never>(() => {}));
    const failing = whileNotingEndings([teacher('leaves')], {onNote: () => {}, patience: 60_000}, async () => {
      throw new Error('no budget');
    });
    await expect(failing).rejects.toThrow('no budget');
  });

  it('are not asked about if nobody is told, or the server is one of your own', async () => {
    const {asked, local, shared, teacher} = await provider(() => ({body: {data: models}}));
    await noteEndings([teacher('leaves')], {});
    await notesOn([openai({...shared, url: `${local}/v1`, model: 'leaves', classes, output: 'label'})]);
    const azure = {...shared, apiVersion: '2024-10-21', model: 'leaves', classes, output: 'label'} as const;
    await notesOn([openai(azure)]);
    expect(asked).toEqual([]);
  });
});
