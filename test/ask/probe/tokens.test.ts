import {describe, expect, it} from 'vitest';
import {changeBetween, findInTokens} from '../../../src/ask/probe/tokens.ts';
import type {Inspection, ScoredToken, TokenScores, TokenStep} from '../../../src/service-features.ts';

const declared: TokenScores = {meaning: 'raw', topK: 3, key: 'bytes', temperature: 0};

const token = (text: string, logProbability: number, fields: Partial<ScoredToken> = {}): ScoredToken => ({
  text,
  logProbability,
  bytes: [...Buffer.from(text)],
  ...fields,
});

const step = (...alternatives: readonly ScoredToken[]): TokenStep => ({chosen: alternatives[0], alternatives});
const reply = (...steps: readonly TokenStep[]): Inspection => ({ignored: [], steps});

const own = reply(step(token('A', Math.log(0.7)), token('B', Math.log(0.2)), token('C', Math.log(0.05))));
const same = {temperature: 2, change: 0};

describe('findInTokens', () => {
  it('finds nothing if no reply shows scores', () => {
    expect(findInTokens([{ignored: ['topLogprobs']}], declared)).toBeUndefined();
  });

  it('takes log-probabilities that a temperature leaves alone for the model’s own', () => {
    const found = findInTokens([own, own], declared, same);
    expect(found).toMatchObject({meaning: 'raw', positions: 2, named: {least: 3, most: 3}, untold: 0, alike: 0});
    expect(found?.mass.most).toBeCloseTo(0.95, 9);
  });

  it('takes those that change with it for log-probabilities after the temperature', () => {
    expect(findInTokens([own], declared, {temperature: 2, change: 0.4})?.meaning).toBe('processed');
    // A change that a cache of the service makes is no temperature.
    expect(findInTokens([own], declared, {temperature: 2, change: 2e-4})?.meaning).toBe('raw');
  });

  it('can’t tell the one from the other without another temperature', () => {
    expect(findInTokens([own], declared)).not.toHaveProperty('meaning');
    expect(findInTokens([own], declared, {temperature: 2, problem: 'refused'})).not.toHaveProperty('meaning');
  });

  it('takes a value above 0 for a logit, whatever else there is', () => {
    expect(findInTokens([own, reply(step(token('A', 10.9)))], declared, same)?.meaning).toBe('logits');
  });

  it('finds that tokens were ruled out, by values that stand for none or by a short list that holds all mass', () => {
    const masked = reply(step(token('A', Math.log(0.9)), token('B', Math.log(0.1)), token('x', -9999)));
    expect(findInTokens([masked], declared, same)).toMatchObject({meaning: 'masked', untold: 1});
    const cut = reply(step(token('A', Math.log(0.9)), token('B', Math.log(0.1))));
    expect(findInTokens([cut], declared, same)?.meaning).toBe('masked');
    // A chosen token that is not among those told of says nothing of the others.
    const outside = reply({chosen: token('z', -9999), alternatives: [token('A', -0.1), token('B', -3)]});
    expect(findInTokens([outside], declared, same)).toMatchObject({meaning: 'raw', untold: 1});
    const sure = reply(step(token('A', -1e-9), token('B', -20)));
    expect(findInTokens([sure], declared, same)?.meaning).toBe('raw');
  });

  it('tells by what tokens can be told apart, and where two are written alike', () => {
    const bare = {bytes: undefined} as unknown as Partial<ScoredToken>;
    const texts = reply(step(token('A', -1, bare), token('', -2, bare)));
    expect(findInTokens([texts], declared)?.key).toBe('string');
    expect(findInTokens([own, reply(step(token('', -2, bare)))], declared)?.key).toBe('bytes');
    const alike = reply(step(token('\ufffd', -1, {id: 1}), token('\ufffd', -2, {id: 2, bytes: [172]})));
    expect(findInTokens([alike], declared)).toMatchObject({key: 'id', alike: 1, named: {least: 2, most: 2}});
  });

  it('counts a chosen token that is missing among the alternatives', () => {
    const outside = reply({chosen: token('z', -8), alternatives: [token('A', -0.1)]});
    expect(findInTokens([outside], declared)?.named).toEqual({least: 2, most: 2});
  });

  it('counts positions at which another token than the most probable one was generated', () => {
    const bent = {chosen: token('B', -2), alternatives: [token('A', -0.2), token('B', -2)]};
    const level = {chosen: token('B', -0.7002), alternatives: [token('A', -0.7), token('B', -0.7002)]};
    const untold = {chosen: undefined, alternatives: [token('A', -0.2)]};
    expect(findInTokens([own, reply(bent, level, untold)], declared)).toMatchObject({positions: 4, bent: 1});
  });

  it('finds to how many decimals they are rounded', () => {
    expect(findInTokens([reply(step(token('A', -0.1234), token('B', -2.25)))], declared)?.decimals).toBe(4);
    expect(findInTokens([own], declared)).not.toHaveProperty('decimals');
  });
});

describe('changeBetween', () => {
  it('is the largest change of a token that both steps tell of', () => {
    const one = step(token('A', -0.5), token('B', -2), token('C', -9999));
    const other = step(token('B', -1.5), token('A', -0.75), token('C', -3), token('D', -4));
    expect(changeBetween(one, other)).toBe(0.5);
  });

  it('is not known if they share no token', () => {
    expect(changeBetween(step(token('A', -0.5)), step(token('B', -0.5)))).toBeUndefined();
    expect(changeBetween(step(token('A', -0.5, {id: 1})), step(token('A', -0.5, {id: 2})))).toBeUndefined();
  });
});
