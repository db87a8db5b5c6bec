import {describe, expect, it} from 'vitest';
import {cascade} from '../../../src/ask/compose/cascade.ts';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {labelModel} from '../../../src/ask/compose/label-model.ts';
import {leavesOf} from '../../../src/ask/compose/parts.ts';
import {repeat} from '../../../src/ask/compose/repeat.ts';
import type {Part, Teacher} from '../../../src/teacher.ts';
import {about} from '../fake-teacher.ts';
import {scoring, voting} from './members.ts';

const inputs = {kind: 'text', count: 2, texts: ['10', '11']} as const;
const leavesIn = (teacher: Teacher) => leavesOf(teacher, teacher.detail);

/** A teacher that is made of one other as the part says. */
function madeOf(part: Part): Teacher<'black-box'> {
  const whole: Teacher<'black-box'> = {
    ...voting('whole'),
    parts: {teachers: [part], compose: ([other]) => madeOf({...part, teacher: other!})},
  };
  return whole;
}

describe('the leaves of a teacher', () => {
  it('are itself, if it is made of none', async () => {
    const one = voting('one');
    const [leaf, ...others] = leavesIn(one);
    expect(others).toEqual([]);
    expect(leaf).toMatchObject({teacher: one, samples: 1, least: 1, further: 0});
    expect(await leaf!.queriesFor(about(1)[0]!)).toEqual(about(1));
  });

  it('count samples of samples on, and put the sure ones first', async () => {
    const one = voting('one');
    const inner = repeat(one, {samples: 5, stop: {sure: 0.9, least: 2}});
    const [leaf] = leavesIn(madeOf({teacher: inner, samples: 3, least: 2}));
    expect(leaf).toMatchObject({teacher: one, samples: 15, least: 4, further: 0});
    const samples = (await leaf!.queriesFor({...about(1)[0]!, sample: 1})).map(({sample}) => sample! - 15);
    expect(samples).toEqual([0, 1, 5, 6, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14]);
  });

  it('are put their queries as every teacher above them puts them', async () => {
    const write = (text: string, sample: number) => `${text}${'!'.repeat(sample)}`;
    const inner = repeat(voting('one'), {samples: 2, paraphrase: {name: 'shout', write}});
    const [leaf] = leavesIn(ensemble([inner]));
    const queries = await leaf!.queriesFor(about(7)[0]!);
    expect(queries.map(({input}) => (input.kind === 'text' ? input.text : ''))).toEqual(['7', '7!']);
  });

  it('take as many queries as each query of a search takes', () => {
    const searching = madeOf({teacher: voting('one'), further: 7});
    const [leaf] = leavesIn(madeOf({teacher: searching, samples: 2, further: 3}));
    // Five queries to the inner one, each of which is one and seven more: two are known.
    expect(leaf).toMatchObject({samples: 2, further: 5 * 8 - 2});
  });

  it('are there with what they are asked beforehand, as what is asked above them', () => {
    const [one, two, three] = ['one', 'two', 'three'].map(name => voting(name));
    const model = labelModel([one!, repeat(two!, {samples: 3}), three!], {inputs});
    const leaves = leavesIn(repeat(model as Teacher<'black-box'>, {samples: 2}));
    expect(leaves.map(({teacher, samples, beforehand}) => [teacher.name, samples, beforehand?.length]).sort()).toEqual([
      ['one', 1, 2],
      ['one', 2, undefined],
      ['three', 1, 2],
      ['three', 2, undefined],
      ['two', 3, 2],
      ['two', 6, undefined],
    ]);
  });

  it('may not be asked at all, beforehand either, if the part is optional', () => {
    const [one, two, three] = ['one', 'two', 'three'].map(name => voting(name));
    const model = labelModel([one!, two!, three!], {inputs});
    const leaves = leavesIn(cascade([scoring('cheap', [0.5, 0.3, 0.2]), model], {confidence: 0.9}));
    expect(leaves.map(({teacher, least}) => [teacher.name, least]).sort()).toEqual([
      ['cheap', 1],
      ['one', 0],
      ['one', 0],
      ['three', 0],
      ['three', 0],
      ['two', 0],
      ['two', 0],
    ]);
  });
});
