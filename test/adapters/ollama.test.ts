import {describe, expect, it} from 'vitest';
import {type OllamaOptions, ollama} from '../../adapters/ollama.ts';
import type {TopKAnswer} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {chatServer, type Protocol, tokensOf} from './chat-server.ts';
import {address, failureOf, floats, type Offline, replayFor, text} from './replay.ts';

const classes = ['positive', 'negative', 'neutral'];
const shared = {model: 'tiny-sent', classes, codes: 'names', prompt: {user: '{text}'}} as const;
const review = text('great film but boring');

function gray({dispatcher}: Offline, rest: Partial<OllamaOptions<'log-probabilities'>> = {}) {
  return ollama({...shared, url: address, output: 'log-probabilities', dispatcher, ...rest});
}

describe('ollama on recorded replies', () => {
  it('reads the distribution over classes, what is not told stays as rest', async () => {
    const network = replayFor('ollama', 'ollama-logprobs-200');
    const [outcome] = await gray(network, {topLogprobs: 3}).ask([review]);
    const {classes: named, logProbabilities, rest} = (outcome as {readonly answer: TopKAnswer}).answer;
    // `ne` begins both other classes, so its 0.09 % are of neither.
    expect([...named]).toEqual([0]);
    expect(logProbabilities[0]).toBeCloseTo(-0.00601943, 6);
    expect(rest).toBeCloseTo(1 - Math.exp(-0.00601943), 6);
    expect(network.sent[0]!.body).toEqual({
      model: 'tiny-sent',
      messages: [{role: 'user', content: 'great film but boring'}],
      stream: false,
      think: false,
      truncate: false,
      shift: false,
      options: {num_predict: 11, temperature: 0},
      logprobs: true,
      top_logprobs: 3,
    });
  });

  it('reads the label of a constrained answer', async () => {
    const {dispatcher} = replayFor('ollama', 'ollama-enum-200');
    const teacher = ollama({...shared, url: address, output: 'label', dispatcher});
    expect(await teacher.ask([review])).toEqual([{answer: {kind: 'label', label: 1}}]);
  });

  it('counts tokens and names the model', () => {
    const body = JSON.stringify({model: 'tiny-sent', prompt_eval_count: 18, eval_count: 2, message: {content: 'x'}});
    const receipt = gray(replayFor('ollama')).service?.receipt?.({status: 200, headers: {}, body});
    expect(receipt).toEqual({model: 'tiny-sent', usage: {inputTokens: 18, outputTokens: 2}});
  });

  it.each([
    ['ollama-no-model-404', 'There is no such model here. Run `ollama pull`'],
    ['ollama-top-logprobs-400', 'Lower `topLogprobs`'],
    ['ollama-bad-json-400', '"unexpected EOF". Fields of the request'],
  ])('%s stops with a message of its own', async (name, message) => {
    const error = await failureOf(gray(replayFor('ollama', name)).ask([review]));
    expect(error.retryable).toBe(false);
    expect(error.message).toContain(message);
  });
});

interface ChatBody {
  readonly messages: readonly {readonly content: string}[];
  readonly logprobs?: boolean;
  readonly format?: {readonly properties: object};
}

/** Replies as Ollama's own were recorded. */
const protocol: Protocol = {
  asked: ({messages}: ChatBody) => messages.at(-1)!.content,
  reply(opinion, {logprobs, format}: ChatBody) {
    const tokens = tokensOf(opinion);
    const said = {label: opinion.label, ...(format && 'confidence' in format.properties && {confidence: 60})};
    return {
      model: 'tiny-sent',
      message: {role: 'assistant', content: format ? JSON.stringify(said) : tokens[0]!.token},
      done: true,
      done_reason: 'stop',
      ...(logprobs && {logprobs: [{...tokens[0]!, top_logprobs: tokens}]}),
      prompt_eval_count: 18,
      eval_count: 2,
    };
  },
};

describe.each(['label', 'confidence', 'log-probabilities'] as const)('ollama with %s', output => {
  testTeacher({
    it,
    teacher: async () => ollama({...shared, url: await chatServer(protocol), service: 'tiny', output}),
    queries: ['great cast', 'boring awful movie', 'a film'].map(text),
    badQuery: floats(1, 2),
  });
});
