import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type OpenAiOptions, openai} from '../../../adapters/openai.ts';
import {openAsking} from '../../../src/ask/asking.ts';
import {aboutQuestion} from '../../../src/ask/compose/about-question.ts';
import {probeTeacher} from '../../../src/ask/probe/probe.ts';
import type {TeacherProbe} from '../../../src/ask/probe/teacher-probe.ts';
import {choice, predicate} from '../../../src/questions.ts';
import {text} from '../../adapters/replay.ts';
import {startLlamaCpp} from '../../servers/llama-cpp.ts';
import {NO_SERVERS, type PythonServer, programsOf} from '../../servers/python-server.ts';

describe.skipIf(programsOf('servers') === undefined)(`a probe of llama.cpp’s server (else: ${NO_SERVERS})`, () => {
  let server: PythonServer;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-probe-'));
    server = (await startLlamaCpp())!;
  }, 60_000);

  afterAll(async () => {
    await server?.stop();
    await rm(folder, {recursive: true, force: true});
  });

  async function probe(options: Partial<OpenAiOptions<'log-probabilities'>> = {}) {
    const teacher = openai({
      ...{model: 'tiny-sent', url: `${server.url}/v1`, key: 'k', output: 'log-probabilities'},
      ...{classes: ['positive', 'negative', 'neutral'], codes: 'names', prompt: {user: '{text}'}},
      ...options,
    });
    const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
    const queries = ['great film but boring', 'awful', 'I love it'].map(text);
    try {
      return await probeTeacher(asking, teacher, {queries, needed: {kind: 'top-k', k: 1}, inputs: 100});
    } finally {
      await asking.close();
    }
  }

  it('finds the model’s own log-probabilities, taken before the temperature, of tokens that only ids tell apart', async () => {
    const {tokens, requests, repetition, problems} = await probe();
    expect(tokens).toMatchObject({meaning: 'raw', key: 'id', named: {least: 20, most: 20}, untold: 0, bent: 0});
    expect(tokens?.alike).toBeGreaterThan(0);
    expect(tokens?.temperature?.change).toBeLessThan(1e-3);
    expect(requests).toMatchObject({requests: 6, authors: [expect.stringContaining('tiny-sent (')]});
    // It computes a prompt that it has seen in another way, and so to another last bit.
    expect(repetition).toMatchObject({compared: 3, flips: 0});
    expect(repetition?.change).toBeLessThan(1e-3);
    expect(problems).toEqual([]);
  });

  it('finds that a grammar bends what is written, though it leaves the log-probabilities alone', async () => {
    const {tokens, problems} = await probe({parameters: {grammar: 'root ::= "neutral"'}});
    expect(tokens?.meaning).toBe('raw');
    expect(tokens?.bent).toBeGreaterThan(0);
    expect(problems).toMatchObject([{severity: 'warning', text: expect.stringContaining('though `temperature` is 0')}]);
  });

  it.each(['label', 'log-probabilities'] as const)(
    'asks it several questions in one answer, which its grammar holds, and each alone: %s',
    async output => {
      const questions = [choice('mood', 'Mood?', ['positive', 'negative', 'neutral']), predicate('long', 'Long?')];
      const teacher = openai({
        ...{
          model: 'tiny-sent',
          url: `${server.url}/v1`,
          key: 'k',
          output,
          questions,
          prompt: {user: '{text} {questions}'},
        },
        // A model as small as this one writes little but new lines, if it may.
        parameters: {cache_prompt: false, logit_bias: [['\n', false]]},
      });
      const asking = await openAsking({cache: join(folder, 'typed'), journal: join(folder, 'typed-journal')});
      const queries = ['great film but boring', 'awful', 'I love it'].map(text);
      const probed = await probeTeacher(asking, aboutQuestion(teacher, 'mood'), {
        ...{queries, needed: {kind: 'label'} as const, inputs: 100},
      }).finally(() => asking.close());
      const [{answers, repetition, isolation, requests, problems}] = probed.parts as [TeacherProbe];
      expect(answers).toMatchObject({answers: 6, given: {kind: output === 'label' ? 'label' : 'top-k'}});
      expect(repetition).toMatchObject({compared: 6, flips: 0});
      expect(isolation?.compared).toBe(3);
      expect(requests).toMatchObject({requests: 6, whole: {inputs: 100, calls: 100}});
      const ignored = problems.filter(problem => problem.text.includes('It ignores'));
      expect(ignored).toEqual([]);
    },
  );
});
