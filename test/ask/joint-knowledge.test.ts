import {describe, expect, it} from 'vitest';
import {joinKnowledge} from '../../src/ask/joint-knowledge.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {predicate} from '../../src/questions.ts';

const about = (name: string, texts: readonly string[], more: Partial<Knowledge> = {}): Knowledge => ({
  source: {access: 'black-box', identity: {}},
  classes: ['no', 'yes'],
  question: predicate(name, `Is it ${name}?`),
  detail: {kind: 'label'},
  inputs: {kind: 'text', count: texts.length, texts},
  answers: {kind: 'label', count: texts.length, labels: new Int32Array(texts.length)},
  ...more,
});

describe('joined knowledge', () => {
  it('has each input once, with its row in each part', async () => {
    const joined = await joinKnowledge([about('new', ['a', 'b', 'c']), about('big', ['d', 'c', 'a'])]);
    expect(joined.count).toBe(4);
    expect(joined.rows.map(rows => [...rows])).toEqual([
      [0, 1, 2, -1],
      [2, -1, 1, 0],
    ]);
    expect(await joined.readInputs([3, 0, 2, 3])).toEqual({kind: 'text', count: 4, texts: ['d', 'a', 'c', 'd']});
    expect(await joined.readInputs([1])).toEqual({kind: 'text', count: 1, texts: ['b']});
  });

  it('keeps an input that comes twice as two', async () => {
    const joined = await joinKnowledge([about('new', ['a', 'a']), about('big', ['a', 'a', 'a'])]);
    expect(joined.rows.map(rows => [...rows])).toEqual([
      [0, 1, -1],
      [0, 1, 2],
    ]);
  });

  it('keeps the versions of an input together', async () => {
    const joined = await joinKnowledge([
      about('new', ['a', 'a2', 'b', 'b2'], {versions: 2}),
      about('big', ['b', 'b2'], {versions: 2}),
    ]);
    expect(joined).toMatchObject({count: 4, versions: 2});
    expect([...joined.rows[1]!]).toEqual([-1, -1, 0, 1]);
    expect(await joined.readInputs([3])).toMatchObject({texts: ['b2']});
  });

  it('takes shared inputs for the same without reading them', async () => {
    const one = about('new', ['a', 'b']);
    const joined = await joinKnowledge([one, {...about('big', []), inputs: one.inputs, answers: one.answers}]);
    expect(joined.rows.map(rows => [...rows])).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('refuses what does not belong together', async () => {
    await expect(joinKnowledge([])).rejects.toThrow('no knowledge to join');
    await expect(joinKnowledge([about('new', ['a']), about('new', ['b'])])).rejects.toThrow('answer `new`');
    const {question: _, ...nameless} = about('new', ['a']);
    await expect(joinKnowledge([nameless])).rejects.toThrow('has no question');
    const twofold = about('big', ['a', 'b'], {versions: 2});
    await expect(joinKnowledge([about('new', ['a']), twofold])).rejects.toThrow('2 versions');
    const truth = about('big', ['a'], {source: {access: 'truth', identity: {}}});
    await expect(joinKnowledge([about('new', ['a']), truth])).rejects.toThrow('one level of access');
  });
});
