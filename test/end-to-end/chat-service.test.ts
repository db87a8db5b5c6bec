import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openai} from '../../adapters/openai.ts';
import {addressOf, type ChatService, serveChat} from '../../examples/chat-service.ts';
import type {Query} from '../../src/teacher.ts';

const PORT = 8767;
const classes = ['ham', 'spam'];
const shared = {url: addressOf(PORT), model: 'sorter', classes, key: 'none'};
const queries: readonly Query[] = ['WIN money now', 'see you at nine'].map(text => ({
  input: {kind: 'text', text},
}));

/** Sure by how many letters are great ones. */
function classify(text: string): readonly number[] {
  const share = text.replace(/[^A-Z]/g, '').length / text.length;
  return [Math.log(1 - share), Math.log(share)];
}

describe('the service of the examples', () => {
  let service: ChatService;

  beforeAll(async () => {
    service = await serveChat({port: PORT, model: 'sorter', answers: ['A', 'B'], classify});
  });
  afterAll(() => service.close());

  it('gives the log-probabilities that its classifier has', async () => {
    const teacher = openai({...shared, output: 'log-probabilities'});
    const [first] = await teacher.ask(queries.slice(0, 1));
    const {answer} = first as {answer: {classes: Int32Array; logProbabilities: Float32Array; rest: number}};
    expect([...answer.classes]).toEqual([0, 1]);
    expect(Array.from(answer.logProbabilities, Math.exp)).toEqual([
      expect.closeTo(10 / 13, 6),
      expect.closeTo(3 / 13, 6),
    ]);
    expect(answer.rest).toBeCloseTo(0, 6);
  });

  it('gives a label where it is asked for one by a schema', async () => {
    const labels = await serveChat({
      port: PORT + 1,
      model: 'sorter',
      answers: classes,
      classify: text => text.length % 2,
    });
    try {
      const teacher = openai({...shared, url: addressOf(PORT + 1), output: 'label'});
      const outcomes = await Promise.all(queries.map(query => teacher.ask([query])));
      expect(outcomes.flat()).toMatchObject([{answer: {kind: 'label', label: 1}}, {answer: {kind: 'label', label: 1}}]);
    } finally {
      await labels.close();
    }
  });

  it('refuses what is no request of the protocol', async () => {
    const response = await fetch(`${addressOf(PORT)}/chat/completions`, {method: 'POST', body: '{"messages": []}'});
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({error: {type: 'invalid_request_error'}});
  });
});
