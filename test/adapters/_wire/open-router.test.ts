import {describe, expect, it} from 'vitest';
import {openai} from '../../../adapters/openai.ts';
import {systemOne} from '../../../adapters/system-one.ts';
import {predicate} from '../../../src/questions.ts';
import type {Json} from '../../../src/teacher.ts';
import {offline, text} from '../replay.ts';

const url = 'https://openrouter.ai/api/v1';
const chat = {url, model: 'meta/m', classes: ['ham', 'spam'], output: 'label', key: 'k'} as const;
const questions = [predicate('late', 'Is it late?')];
const typed = {url: 'https://openrouter.ai', model: 'maker/m', questions, key: 'k'} as const;
const distillable = {enforce_distillable_text: true};

/** The body of the one request of a chat teacher. */
async function bodyOf(options: object): Promise<{readonly [field: string]: Json}> {
  const {dispatcher, sent, answer} = offline('https://openrouter.ai');
  answer('/api/v1/chat/completions', 200, {choices: [{finish_reason: 'stop', message: {content: 'ham'}}]});
  await openai({...chat, ...options, dispatcher}).ask([text('Hello')]);
  return sent[0]!.body as {readonly [field: string]: Json};
}

describe('OpenRouter', () => {
  it('asks only models that may be distilled, in the form of its provider preferences', async () => {
    expect((await bodyOf({}))['provider']).toEqual(distillable);
    expect((await bodyOf({parameters: {provider: {order: ['x']}}}))['provider']).toEqual({
      ...distillable,
      order: ['x'],
    });
    expect(openai(chat).identity['request']).toMatchObject({provider: distillable});
    const responses = openai({...chat, api: 'responses'});
    expect(responses.identity['request']).toMatchObject({provider: distillable});
    const several = openai({url, model: 'meta/m', questions, output: 'label'});
    expect(several.identity['request']).toMatchObject({provider: distillable});
  });

  it('asks any model if that is switched off, and finds the answers that were bought without it', async () => {
    expect(await bodyOf({distillableOnly: false})).not.toHaveProperty('provider');
    // As every other service is asked, and as this one was.
    const other = openai({...chat, url: 'https://models.example.com/api/v1'}).identity;
    expect(openai({...chat, distillableOnly: false}).identity).toEqual({...other, service: url});
    expect(openai(chat).identity).not.toEqual({...other, service: url});
  });

  it('does the same for typed questions, with the preferences that are given', async () => {
    const {dispatcher, sent, answer} = offline('https://openrouter.ai');
    for (const _ of [1, 2, 3]) answer('/api/alpha/decisions', 200, {answers: {late: {probability: 0.2}}});
    const query = {...text('Hello'), question: questions[0]!};
    await systemOne({...typed, dispatcher}).ask([query]);
    await systemOne({...typed, dispatcher, parameters: {provider: {order: ['x']}}}).ask([query]);
    await systemOne({...typed, dispatcher, distillableOnly: false}).ask([query]);
    expect(sent.map(({body}) => (body as {provider?: Json}).provider)).toEqual([
      distillable,
      {...distillable, order: ['x']},
      undefined,
    ]);
    const identities = [{}, {distillableOnly: false}].map(option => systemOne({...typed, ...option}).identity);
    expect(identities[0]).toMatchObject({fields: {provider: distillable}});
    expect(identities[1]).not.toHaveProperty('fields');
  });

  it('leaves the cost bounded', () => {
    const price = {perMillionInputTokens: 1, perMillionOutputTokens: 1};
    expect(openai({...chat, price}).service!.unbounded).toBeUndefined();
    expect(systemOne({...typed, price}).service!.unbounded).toBeUndefined();
  });

  it.each(['http://127.0.0.1:8000/v1', 'https://api.openai.com/v1', 'https://openrouter.ai.example.com/api/v1'])(
    'is no other service: %s',
    other => {
      expect(JSON.stringify(openai({...chat, url: other}).identity)).not.toContain('distillable');
      expect(() => openai({...chat, url: other, distillableOnly: true})).toThrow('an option of OpenRouter');
      expect(() => systemOne({...typed, url: other, distillableOnly: false})).toThrow('an option of OpenRouter');
    },
  );
});
