import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {Batcher} from '../../src/serve/batcher.ts';
import type {Answer, AskOptions, Outcome, Query, Teacher} from '../../src/teacher.ts';
import {classes, textOf} from './services.ts';

const query = (text: string): Query => ({input: {kind: 'text', text}});
const queries = (...texts: string[]): Query[] => texts.map(query);
const labels = (outcomes: readonly Outcome[]): number[] =>
  outcomes.map(outcome => ('answer' in outcome ? (outcome.answer as Answer & {label: number}).label : -1));

/** Answers each text with its length, some batches at a time, and remembers the batches. */
function lengths(changes: Partial<Teacher> & {readonly wait?: number} = {}) {
  const batches: string[][] = [];
  const options: (AskOptions | undefined)[] = [];
  const {wait = 5, ...rest} = changes;
  const teacher: Teacher<'black-box'> = {
    ...{name: 'lengths', identity: {}, access: 'black-box', classes, detail: {kind: 'label'}, maxBatch: 4},
    async ask(asked, askOptions) {
      batches.push(asked.map(textOf));
      options.push(askOptions);
      await setTimeout(wait, undefined, askOptions?.signal ? {signal: askOptions.signal} : {});
      return asked.map(one => ({answer: {kind: 'label', label: textOf(one).length}}));
    },
    ...(rest as object),
  };
  return {teacher, batches, options};
}

describe('Gathering', () => {
  it('asks about calls that come together in one batch, and gives each its own answers', async () => {
    const {teacher, batches} = lengths();
    const sizes: number[] = [];
    const batcher = new Batcher(teacher, {onBatch: size => sizes.push(size)});
    const answers = await Promise.all([
      batcher.ask(queries('a', 'bb')),
      batcher.ask(queries('ccc')),
      batcher.ask(queries('dddd')),
    ]);
    expect(answers.map(labels)).toEqual([[1, 2], [3], [4]]);
    expect(batches).toEqual([['a', 'bb', 'ccc', 'dddd']]);
    expect(sizes).toEqual([4]);
  });

  it('makes the next batch of what came while one was under way', async () => {
    const {teacher, batches} = lengths({wait: 200});
    const batcher = new Batcher(teacher);
    const first = batcher.ask(queries('a'));
    await setTimeout(10);
    const later = ['b', 'c', 'd'].map(text => batcher.ask(queries(text)));
    expect(batcher.waiting).toBe(3);
    await Promise.all([first, ...later]);
    expect(batches).toEqual([['a'], ['b', 'c', 'd']]);
    expect(batcher.waiting).toBe(0);
  });

  it.each([
    ['too few', 1],
    ['too many', 5],
    ['none', 0],
  ])('answers every call with an error if its teacher gives %s outcomes, and goes on', async (_, count) => {
    let isBroken = true;
    const {teacher} = lengths();
    const broken: Teacher = {
      ...teacher,
      ask: async (...call) => {
        const outcomes = await teacher.ask(...call);
        return isBroken ? Array.from({length: count}, () => outcomes[0]!) : outcomes;
      },
    };
    const batcher = new Batcher(broken);
    const calls = await Promise.allSettled([batcher.ask(queries('a')), batcher.ask(queries('bb', 'ccc'))]);
    for (const call of calls) {
      expect(call).toMatchObject({reason: {message: expect.stringContaining(`${count} outcomes for 3 queries`)}});
    }
    isBroken = false;
    expect(labels(await batcher.ask(queries('dddd')))).toEqual([4]);
  });

  it('splits a call that is too large, and lets a small one pass it', async () => {
    const {teacher, batches} = lengths();
    const batcher = new Batcher(teacher);
    const ends: string[] = [];
    const large = batcher.ask(queries(...'abcdefghij')).then(outcomes => {
      ends.push('large');
      return outcomes;
    });
    const small = batcher.ask(queries('zz')).then(() => ends.push('small'));
    expect(labels(await large)).toEqual(Array.from({length: 10}, () => 1));
    await small;
    expect(batches.map(batch => batch.length)).toEqual([4, 4, 3]);
    expect(batches[1]).toContain('zz');
    expect(ends).toEqual(['small', 'large']);
  });

  it('asks only calls together that want the same detail', async () => {
    const {teacher, batches, options} = lengths();
    const batcher = new Batcher(teacher);
    await Promise.all([
      batcher.ask(queries('a'), {detail: {kind: 'label'}}),
      batcher.ask(queries('b'), {detail: {kind: 'votes'}}),
      batcher.ask(queries('c'), {detail: {kind: 'label'}}),
    ]);
    expect(batches).toEqual([['a', 'c'], ['b']]);
    expect(options.map(one => one?.detail)).toEqual([{kind: 'label'}, {kind: 'votes'}]);
  });

  it('has as many batches under way as the teacher allows', async () => {
    const {teacher, batches} = lengths({concurrency: 2, wait: 400});
    const batcher = new Batcher(teacher);
    const asked = [batcher.ask(queries('a'))];
    for (const text of ['b', 'c']) {
      await setTimeout(5);
      asked.push(batcher.ask(queries(text)));
    }
    await setTimeout(5);
    expect(batches).toEqual([['a'], ['b']]);
    await Promise.all(asked);
    expect(batches).toEqual([['a'], ['b'], ['c']]);
  });

  it('does not ask for a call that went away while it waited', async () => {
    const {teacher, batches} = lengths({wait: 200});
    const batcher = new Batcher(teacher);
    const first = batcher.ask(queries('a'));
    await setTimeout(5);
    const controller = new AbortController();
    const gone = batcher.ask(queries('b'), {signal: controller.signal});
    const stays = batcher.ask(queries('c'));
    controller.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    await Promise.all([first, stays]);
    expect(batches).toEqual([['a'], ['c']]);
    await expect(batcher.ask(queries('d'), {signal: controller.signal})).rejects.toThrow('gone');
  });

  it('ends a batch only when all who wait for it went away', async () => {
    const {teacher, options} = lengths({wait: 100});
    const batcher = new Batcher(teacher);
    const [one, other] = [new AbortController(), new AbortController()];
    const asked = [one, other].map(({signal}) => batcher.ask(queries('a'), {signal}));
    await setTimeout(20);
    one.abort(new Error('one'));
    await expect(asked[0]).rejects.toThrow('one');
    expect(options[0]?.signal?.aborted).toBe(false);
    other.abort(new Error('other'));
    await expect(asked[1]).rejects.toThrow('other');
    expect(options[0]?.signal?.aborted).toBe(true);
  });

  it('fails every call of a batch that fails, and goes on with the next', async () => {
    let calls = 0;
    const {teacher} = lengths();
    const batcher = new Batcher({
      ...teacher,
      ask: async asked => {
        calls++;
        if (calls === 1) throw new Error('no connection');
        return teacher.ask(asked);
      },
    });
    const large = batcher.ask(queries(...'abcdef'));
    const small = batcher.ask(queries('zz'));
    await expect(large).rejects.toThrow('no connection');
    expect(labels(await small)).toEqual([2]);
    expect(batcher.waiting).toBe(0);
  });

  it('asks nothing about nothing', async () => {
    const {teacher, batches} = lengths();
    expect(await new Batcher(teacher).ask([])).toEqual([]);
    expect(batches).toEqual([]);
  });

  it('refuses a teacher that lets nothing through', () => {
    expect(() => new Batcher({...lengths().teacher, maxBatch: 0})).toThrow(InputError);
  });
});
