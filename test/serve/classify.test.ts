import {describe, expect, it} from 'vitest';
import {post, sayingOf, services, student} from './services.ts';

const start = services();

describe('POST /classify', () => {
  it('says of one text its class, how sure that is, and how probable the others are', async () => {
    const service = await start();
    const said = {
      label: 'spam',
      confidence: 0.7,
      probabilities: {spam: 0.7, ham: 0.15, news: 0.15},
      answeredBy: 'student',
    };
    for (const body of [{text: 'spam 0.7'}, {input: 'spam 0.7'}]) {
      expect(await post(service, '/classify', body)).toMatchObject({status: 200, body: said});
    }
    const {body} = await post(service, '/classify', {text: 'spam 0.7'});
    expect(body).not.toHaveProperty('abstains');
  });

  it('answers several texts in their order', async () => {
    const service = await start();
    for (const field of ['texts', 'inputs']) {
      const {body} = await post(service, '/classify', {[field]: ['ham 0.9', 'news 0.8']});
      expect(body).toMatchObject({results: [{label: 'ham'}, {label: 'news'}]});
    }
    expect(await post(service, '/classify', {texts: []})).toMatchObject({status: 200, body: {results: []}});
  });

  it('marks what is less sure than the threshold, by calibrated probabilities', async () => {
    const service = await start({calibration: {temperature: 2, threshold: 0.6}});
    const {body} = await post(service, '/classify', {texts: ['ham 0.9', 'spam 0.6']});
    // By hand: 0.9, 0.05, 0.05 to the power of 1/2 sum to 1.39590.
    const roots = [Math.sqrt(0.9), Math.sqrt(0.05), Math.sqrt(0.05)];
    const calibrated = roots[0]! / roots.reduce((sum, root) => sum + root, 0);
    expect(body).toMatchObject({
      results: [
        {label: 'ham', confidence: expect.closeTo(calibrated, 5), abstains: false},
        {label: 'spam', abstains: true},
      ],
    });
  });

  it('shows the k best alone, or the label alone, where that is all that is shown', async () => {
    const best = await start({detail: {kind: 'top-k', k: 1}, calibration: {threshold: 0.8}});
    expect((await post(best, '/classify', {text: 'spam 0.7'})).body).toEqual({
      label: 'spam',
      confidence: 0.7,
      probabilities: {spam: 0.7},
      abstains: true,
      answeredBy: 'student',
    });
    const black = await start({access: 'black-box', calibration: {threshold: 0.8}});
    expect((await post(black, '/classify', {text: 'spam 0.7'})).body).toEqual({label: 'spam', answeredBy: 'student'});
  });

  it('takes numbers where the model does', async () => {
    const numbers = await start(
      {input: {kind: 'tensor', dtype: 'uint8', shape: [1, 2]}},
      {
        ...student,
        ask: async queries =>
          queries.map(({input}) => {
            const sure = input.kind === 'tensor' && input.dtype === 'uint8' && input.data[1] === 2;
            return {
              answer: {kind: 'logits', logits: sayingOf(`news ${sure ? 0.9 : 0.4}`).logProbabilities, features: {}},
            };
          }),
      },
    );
    const one = await post(numbers, '/classify', {input: [[1, 2]]});
    expect(one.body).toMatchObject({label: 'news', confidence: 0.9});
    expect((await post(numbers, '/classify', {inputs: [[[1, 2]], [[1, 3]]]})).body).toMatchObject({
      results: [{confidence: 0.9}, {confidence: 0.4}],
    });
    expect(await post(numbers, '/classify', {text: 'ham'})).toMatchObject({
      status: 400,
      body: {error: 'Input 0 is a text; the model takes numbers.'},
    });
    expect(await post(numbers, '/classify', {input: [1, 2]})).toMatchObject({
      status: 400,
      body: {error: 'Expected shape [n, 1, 2], got [1, 2].'},
    });
    expect(await post(numbers, '/classify', {input: [[1, 256]]})).toMatchObject({status: 400});
    expect(await post(numbers, '/classify', {input: [[1, 2, 3], [4]]})).toMatchObject({status: 400});
  });

  it.each([
    ['nothing', {}, 'Give one of `text`, `texts`, `input` and `inputs`.'],
    ['two fields', {text: 'a', input: 'b'}, 'Give one of `text`, `texts`, `input` and `inputs`.'],
    ['a text that is none', {text: 7}, 'text'],
    ['an input that is no text', {input: [1, 2]}, 'Input 0 is not a text.'],
    ['an input that is an object', {inputs: ['a', {}]}, 'Input 1 is not a text.'],
    ['what the model can not answer', {texts: ['ham', 'unanswerable']}, "The model can't answer input 1."],
  ])('refuses %s and says what it expects', async (_, body, problem) => {
    const reply = await post(await start(), '/classify', body);
    expect(reply).toMatchObject({status: 400, body: {error: expect.stringContaining(problem)}});
    expect(JSON.stringify(reply.body)).not.toContain('secret');
  });
});
