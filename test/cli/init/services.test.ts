import {afterEach, describe, expect, it, vi} from 'vitest';
import {methodOf} from '../../../src/cli/init/recipe-source.ts';
import {GOOGLE, INIT_SERVICES, type InitService, keyState, QUESTION_SERVICES} from '../../../src/cli/init/services.ts';
import {VECTOR_SERVICES} from '../../../src/cli/init/vector-services.ts';
import {predicate} from '../../../src/questions.ts';
import type {Teacher} from '../../../src/teacher.ts';

const service = (name: string): InitService => INIT_SERVICES.find(candidate => candidate.name === name)!;

const ALL_KEYS = [...new Set(INIT_SERVICES.flatMap(({keys}) => keys.flat()))];

/** With these variables set, and no other key. */
function withKeys(...names: readonly string[]): void {
  for (const name of ALL_KEYS) vi.stubEnv(name, names.includes(name) ? 'sk-secret-123' : undefined);
}

afterEach(() => void vi.unstubAllEnvs());

describe('the services that recipes are written for', () => {
  const all = [
    ...INIT_SERVICES.map(each => ({each, task: {classes: ['a', 'b']}})),
    ...QUESTION_SERVICES.map(each => ({each, task: {questions: [predicate('urgent', 'Is it urgent?')]}})),
    // An encoder reads its folder when it is made: what `init` writes for one is run in test/end-to-end/init-vectors.test.ts.
    ...VECTOR_SERVICES.filter(({isLocal}) => !isLocal).map(each => ({each, task: {}})),
  ].flatMap(({each, task}) => each.outputs.map(output => ({...each, output, task, about: Object.keys(task)[0]})));

  it.each(all)(
    'are those of their adapters: $name, $output of $about',
    async ({name, adapter, factory, output, example, url, task, api}) => {
      withKeys();
      const module = (await import(`../../../adapters/${adapter}.ts`)) as Record<string, (options: object) => Teacher>;
      const teacher = module[factory]!({
        ...{model: example, ...task},
        ...(!['probabilities', 'vector'].includes(output) && {output}),
        ...(api && {api}),
        ...(url === undefined && {url: 'https://host.test/v1'}),
        ...(name === 'bedrock' && {region: 'eu-central-1'}),
      });
      expect(teacher.access).toBe(methodOf(output).level);
      // The address that it has where none is given.
      if (name !== 'bedrock') expect(teacher.name).toContain(url ?? 'https://host.test/v1');
    },
  );

  it('each have a name of their own', () => {
    for (const services of [QUESTION_SERVICES, VECTOR_SERVICES]) {
      expect(new Set(services.map(({name}) => name)).size).toBe(services.length);
    }
  });
});

describe('the state of a key', () => {
  it('says which variable is read and whether it is set, and nothing of what it holds', () => {
    withKeys('OPENAI_API_KEY');
    expect(keyState(service('openai'), undefined)).toEqual({
      variables: ['OPENAI_API_KEY'],
      isSet: true,
      isNeeded: true,
    });
    withKeys();
    expect(keyState(service('openai'), undefined)).toMatchObject({isSet: false});
  });

  it('is of another variable at another address, which gets no provider’s key', () => {
    withKeys('OPENAI_API_KEY');
    expect(keyState(service('openai'), 'http://127.0.0.1:9000/v1')).toEqual({
      variables: ['LIMBECK_TEACHER_KEY'],
      isSet: false,
      isNeeded: false,
    });
  });

  it('is of Google’s variable at Google’s address', () => {
    withKeys('GEMINI_API_KEY');
    const systemOne = QUESTION_SERVICES.find(({name}) => name === 'system-one')!;
    expect(keyState(systemOne, GOOGLE)).toEqual({variables: ['GEMINI_API_KEY'], isSet: true, isNeeded: true});
  });

  it('is that of all variables of one kind of credentials', () => {
    withKeys('AWS_ACCESS_KEY_ID');
    expect(keyState(service('bedrock'), undefined).isSet).toBe(false);
    withKeys('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY');
    const {variables, isSet} = keyState(service('bedrock'), undefined);
    expect({variables, isSet}).toEqual({variables: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'], isSet: true});
  });

  it('is not needed on one’s own machine', () => {
    withKeys();
    expect(keyState(service('ollama'), undefined)).toMatchObject({isSet: false, isNeeded: false});
  });
});
