import {describe, expect, it} from 'vitest';
import {cascade} from '../../../src/ask/compose/cascade.ts';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {atLanePrice, checkLanes, laneOf, lanePrice} from '../../../src/ask/lane/lane-of.ts';
import {InputError} from '../../../src/errors.ts';
import {fakeTeacher} from '../fake-teacher.ts';
import {payingTeacher} from '../paying-teacher.ts';
import {batchingTeacher} from './batching-teacher.ts';

const local = fakeTeacher({access: 'black-box', detail: {kind: 'votes'}}, () => []);

describe('checkLanes', () => {
  it('lets pass what has a lane, and what needs none since it runs in this process', () => {
    checkLanes(batchingTeacher());
    checkLanes(local);
    checkLanes(cascade([local, batchingTeacher()], {confidence: 0.9}));
  });

  it('names the teacher without one, among the parts of another as well', () => {
    const other = payingTeacher(undefined, {name: 'a shop', identity: {service: 'shop'}});
    expect(() => checkLanes(other)).toThrow(InputError);
    const whole = ensemble([batchingTeacher(), other]);
    expect(() => checkLanes(whole)).toThrow(/Teacher a shop has no batch lane.*openai, anthropic and gemini/);
  });
});

describe('the price of a lane', () => {
  it('is its share of every part of the service’s price', () => {
    const {lane} = batchingTeacher().service;
    const price = {perCall: 2, perMillionInputTokens: 3, perMillionOutputTokens: 8};
    expect(lanePrice({price}, lane)).toEqual({perCall: 1, perMillionInputTokens: 1.5, perMillionOutputTokens: 4});
    expect(lanePrice({}, lane)).toBeUndefined();
  });

  it('is the service’s own if there is no lane', () => {
    const teacher = payingTeacher();
    expect(laneOf(teacher)).toBeUndefined();
    expect(atLanePrice(teacher)).toBe(teacher);
    expect(atLanePrice(batchingTeacher()).service?.price).toMatchObject({perMillionInputTokens: 0.5});
  });
});
