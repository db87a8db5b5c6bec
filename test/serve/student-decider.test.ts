import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {headsServed} from '../../src/serve/heads.ts';
import {studentDecider} from '../../src/serve/student-decider.ts';
import type {Answer, Detail, Outcome, Teacher} from '../../src/teacher.ts';
import {classes, sayingOf} from './services.ts';

const {signal} = new AbortController();
const queries = [{input: {kind: 'text', text: 'a'}}] as const;

function deciding(detail: Detail, answer: Answer, calibration?: {temperature?: number; threshold?: number}) {
  const shown: Pick<Teacher, 'name' | 'detail'> = {name: 'words', detail};
  const heads = headsServed({classes}, {model: 'words', calibration});
  const wanted: (Detail | undefined)[] = [];
  const ask: Teacher['ask'] = async (_, options) => {
    wanted.push(options?.detail);
    return [{answer} as Outcome];
  };
  return {decider: studentDecider(shown, heads, {ask}), wanted};
}

describe('studentDecider', () => {
  it('takes whole distributions, calibrated: logits and log-probabilities alike', async () => {
    const logits: Answer = {kind: 'logits', logits: Float32Array.of(1, 3, 0), features: {}};
    // The softmax of 0.5, 1.5 and 0, by hand: the exponentials sum to 7.130410.
    const expected = [0.5, 1.5, 0].map(value => expect.closeTo(value - Math.log(7.13041), 5));
    const sums = Math.log(Math.exp(1) + Math.exp(3) + 1);
    const logProbabilities: Answer = {
      kind: 'log-probabilities',
      logProbabilities: Float32Array.of(1 - sums, 3 - sums, -sums),
    };
    for (const answer of [logits, logProbabilities]) {
      const {decider, wanted} = deciding({kind: 'logits', features: ['dense']}, answer, {temperature: 2});
      const [decision] = await decider.decide(queries, signal);
      expect(decision).toEqual({
        answer: {kind: 'log-probabilities', logProbabilities: expect.anything()},
        answeredBy: 'student',
      });
      const {answer: said} = decision as {answer: {logProbabilities: Float32Array}};
      expect([...said.logProbabilities]).toEqual(expected);
      expect(wanted).toEqual([{kind: 'log-probabilities'}]);
    }
  });

  it('is sure at the threshold itself, and abstains below it', async () => {
    const abstains = async (threshold: number) => {
      const {decider} = deciding({kind: 'log-probabilities'}, sayingOf('spam 0.75'), {threshold});
      return (await decider.decide(queries, signal))[0];
    };
    expect(await abstains(0.7499)).toMatchObject({abstains: false});
    expect(await abstains(0.7501)).toMatchObject({abstains: true});
    expect(await abstains(0)).toMatchObject({abstains: false});
  });

  it('lets other requests have their turn while the gate reads many texts', async () => {
    const answer = sayingOf('spam 0.75');
    const many = Array.from({length: 20}, () => ({input: {...queries[0].input}}));
    const model: Pick<Teacher, 'ask'> = {ask: async asked => asked.map(() => ({answer}) as Outcome)};
    const readsSlowly = () => {
      const end = performance.now() + 10;
      while (performance.now() < end);
      return false;
    };
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const shown = {name: 'words', classes, detail: {kind: 'log-probabilities'}} as const;
    await studentDecider(shown, headsServed(shown, {model: 'words'}), model, readsSlowly).decide(many, signal);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(4);
  });

  it('tells how sure a teacher of the k best or of votes is', async () => {
    const best: Answer = {
      kind: 'top-k',
      classes: Int32Array.of(1),
      logProbabilities: Float32Array.of(Math.log(0.6)),
      rest: 0.4,
    };
    const {decider} = deciding({kind: 'top-k', k: 1}, best, {threshold: 0.7});
    expect(await decider.decide(queries, signal)).toEqual([{answer: best, answeredBy: 'student', abstains: true}]);
    const votes: Answer = {kind: 'votes', counts: Uint32Array.of(1, 3, 0)};
    const voting = deciding({kind: 'votes'}, votes, {threshold: 0.7});
    expect(await voting.decider.decide(queries, signal)).toMatchObject([{abstains: false}]);
  });

  it('calibrates no more than it sees', () => {
    const label: Answer = {kind: 'label', label: 1};
    expect(() => deciding({kind: 'label'}, label, {threshold: 0.5})).toThrow(InputError);
    expect(() => deciding({kind: 'top-k', k: 2}, label, {temperature: 2})).toThrow("can't be calibrated");
    expect(() => deciding({kind: 'label'}, label)).not.toThrow();
  });
});
