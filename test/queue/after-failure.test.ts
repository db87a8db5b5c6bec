import {expect, it} from 'vitest';
import {AnswerStoreError, InputError, TeacherError} from '../../src/errors.ts';
import {afterFailure} from '../../src/queue/after-failure.ts';

const retryable = {retryable: true};

it.each([
  ['a rate limit, however often', new TeacherError('t', 'Busy.', {...retryable, status: 429}), 1000, 'later'],
  ['a service that is not there', new TeacherError('t', 'Gone.', retryable), 19, 'later'],
  ['a service that is never there', new TeacherError('t', 'Gone.', retryable), 20, 'dead'],
  ['a key that is refused', new TeacherError('t', 'No.', {status: 401}), 1, 'dead'],
  ['a store that is away', new AnswerStoreError('Away.', {isAway: true}), 1, 'later'],
  ['a full disk', new AnswerStoreError('Full.'), 1, 'back'],
  ['a recipe that can not work', new InputError('No.'), 1, 'dead'],
])('after %s', (_, error, attemptsStarted, becomes) => {
  expect(afterFailure(error, {attemptsStarted})).toBe(becomes);
});
