import {beforeAll, describe, expect, it} from 'vitest';
import {textEmbeddingsInference} from '../../adapters/text-embeddings-inference.ts';
import {testTeacher} from '../teacher-suite.ts';
import {jsonServer, probabilitiesOf} from './json-server.ts';
import {address, floats, halving, offline, problemsIn, text} from './replay.ts';

const labels = ['LABEL_0', 'LABEL_1', 'LABEL_2'];
const shared = {url: address, classes: ['negative', 'neutral', 'positive'], labels} as const;
const key = 'sk-very-secret';

/** The service's answers, best first, as it sorts them. */
function sorted(scores: readonly number[]): object[] {
  return scores.map((score, index) => ({score, label: labels[index]})).sort((a, b) => b.score - a.score);
}

describe('textEmbeddingsInference', () => {
  let url = '';
  beforeAll(async () => {
    url = await jsonServer((body: {inputs: [string][]; raw_scores: boolean}) => ({
      body: body.inputs.map(([input]) => {
        const probabilities = probabilitiesOf(input, 3);
        return sorted(body.raw_scores ? probabilities.map(Math.log) : probabilities);
      }),
    }));
  });

  describe.each(['logits', 'probabilities'] as const)('asked for %s', output => {
    testTeacher({
      it,
      teacher: () => textEmbeddingsInference({...shared, url, output, key}),
      queries: ['one', 'three', 'a'].map(text),
      badQuery: floats(1),
      secret: key,
    });
  });

  it('sends each text in a list of its own, and puts scores in class order', async () => {
    const {dispatcher, sent, answer} = offline();
    answer('/predict', 200, [sorted([0.5, -1, 3]), sorted([2, 1, 0])]);
    const outcomes = await textEmbeddingsInference({...shared, dispatcher, truncate: true}).ask([text('a'), text('b')]);
    expect(outcomes).toEqual(
      [
        [0.5, -1, 3],
        [2, 1, 0],
      ].map(logits => ({
        answer: {kind: 'logits', logits: Float32Array.from(logits), features: {}},
      })),
    );
    expect(sent[0]!.body).toEqual({inputs: [['a'], ['b']], raw_scores: true, truncate: true});
  });

  it.each([
    [413, 'Validation', 'A text is longer than the model takes', false],
    [422, 'Tokenizer', 'Its tokenizer can not read a text.', false],
    [400, 'Empty', 'It takes no empty text.', false],
    [424, 'Backend', 'Its model failed.', true],
    [429, 'Overloaded', 'Its queue is full.', true],
    [503, 'Unhealthy', 'It is not healthy', true],
    [404, 'Other', 'It has no `/predict`.', false],
  ])('says what %i %s means', async (status, type, problem, retryable) => {
    const {dispatcher, answer} = offline();
    answer('/predict', status, {error: 'of the text', error_type: type});
    const asked = textEmbeddingsInference({...shared, dispatcher}).ask([text('a')]);
    const error = await asked.then(
      ([outcome]) => (outcome as {error: Error}).error,
      thrown => thrown as Error,
    );
    expect(error).toMatchObject({name: 'TeacherError', status, retryable});
    expect(error.message).toContain(`It answered ${status} (${type}): "of the text". ${problem}`);
  });

  it('asks without the text that is too long, and fails that alone', async () => {
    const url = await jsonServer((body: {inputs: [string][]}) =>
      body.inputs.some(([input]) => input.length > 10)
        ? {status: 413, body: {error: 'too long', error_type: 'Validation'}}
        : {body: body.inputs.map(() => sorted([1, 2, 3]))},
    );
    const outcomes = await halving(textEmbeddingsInference({...shared, url})).ask(
      ['a', 'a'.repeat(11), 'b', 'c'].map(text),
    );
    expect(problemsIn(outcomes).map(problem => problem === 'none')).toEqual([true, false, true, true]);
  });

  it('keeps answers apart by what can change them', () => {
    const identityOf = (rest: object) => JSON.stringify(textEmbeddingsInference({...shared, ...rest}).identity);
    const identities = [{}, {output: 'probabilities'}, {truncate: true}, {service: 'v2'}, {labels: ['a', 'b', 'c']}];
    expect(new Set(identities.map(identityOf)).size).toBe(5);
    expect(identityOf({timeout: 5, concurrency: 2, maxBatch: 4, key})).toBe(identityOf({}));
  });
});
