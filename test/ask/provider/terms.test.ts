import {describe, expect, it} from 'vitest';
import {anthropic} from '../../../adapters/anthropic.ts';
import {bedrock} from '../../../adapters/bedrock.ts';
import {gemini} from '../../../adapters/gemini.ts';
import {huggingface} from '../../../adapters/huggingface.ts';
import {openai} from '../../../adapters/openai.ts';
import {sagemaker} from '../../../adapters/sagemaker.ts';
import {systemOne} from '../../../adapters/system-one.ts';
import {vertex} from '../../../adapters/vertex.ts';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {PROVIDER_TERMS} from '../../../src/ask/provider/provider-terms.ts';
import {
  checkKnowledgePermission,
  checkPermission,
  termsAt,
  termsIn,
  termsNote,
  termsNotes,
  termsOfProvider,
} from '../../../src/ask/provider/terms.ts';
import {QUESTION_SERVICES} from '../../../src/cli/init/services.ts';
import {predicate} from '../../../src/questions.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {read} from '../../pages.ts';

const classes = ['ham', 'spam'];
const label = {model: 'm', classes, output: 'label'} as const;
const at = (url: string) => openai({...label, url});
const typed = systemOne({model: 'jev', questions: [predicate('late', 'Is it late?')]});

describe('the terms of a provider', () => {
  it.each<readonly [string, () => Teacher, string, string]>([
    ['openai', () => openai(label), 'OpenAI', 'conditional'],
    ['openai, in Europe', () => at('https://eu.api.openai.com/v1'), 'OpenAI', 'conditional'],
    ['openai, elsewhere', () => at('https://openrouter.ai/api/v1'), 'OpenRouter', 'conditional'],
    ['openai, elsewhere', () => at('https://api.deepseek.com'), 'DeepSeek', 'allowed'],
    ['openai, elsewhere', () => at('https://api.x.ai/v1'), 'xAI', 'forbidden'],
    ['openai, Azure', () => at('https://mine.openai.azure.com/openai/deployments/m'), 'Microsoft Azure', 'unknown'],
    ['anthropic', () => anthropic(label), 'Anthropic', 'forbidden'],
    ['gemini', () => gemini(label), 'Google (Gemini API)', 'conditional'],
    ['bedrock', () => bedrock({...label, region: 'eu-central-1'}), 'Amazon Bedrock', 'unknown'],
    ['system-one', () => typed, 'TypeSafe', 'forbidden'],
    ['huggingface', () => huggingface({model: 'm', classes}), 'Hugging Face', 'unknown'],
    [
      'vertex',
      () => vertex({project: 'p', location: 'europe-west4', endpoint: '1', classes, output: 'probabilities'}),
      'Google Vertex AI',
      'unknown',
    ],
    [
      'sagemaker',
      () =>
        sagemaker({
          ...{endpoint: 'moods', region: 'us-east-1', classes},
          request: {inputs: '{text}'},
          output: {probabilities: '/p'},
        }),
      'Amazon SageMaker',
      'unknown',
    ],
  ])('go by its address: %s', (_, make, provider, training) => {
    const [note] = termsNotes([make()]);
    expect(note).toContain(`The terms of ${provider} `);
    expect(termsOfProvider(provider)!.training).toBe(training);
  });

  it('are in the list for every service that `init` knows and that charges', () => {
    for (const {charges, url} of QUESTION_SERVICES) {
      if (charges && url) expect(termsAt(new URL(url)), url).toBeDefined();
    }
  });

  it('have a clause, a day and a link, or say that they were not confirmed', () => {
    for (const terms of PROVIDER_TERMS) {
      expect(new URL(terms.url).protocol).toBe('https:');
      expect(terms.readAt <= new Date().toISOString().slice(0, 10)).toBe(true);
      expect(terms.clause === undefined).toBe(terms.training === 'unknown');
    }
    expect(new Set(PROVIDER_TERMS.map(({provider}) => provider)).size).toBe(PROVIDER_TERMS.length);
    expect(termsNotes([at('https://api.cohere.ai/compatibility/v1')])[0]).toMatch(/were not confirmed: .* https:/);
  });

  it('are those of the page about responsible use', () => {
    const page = read('docs/guide/responsible-use.md').replace(/ +\|/g, ' |');
    const rows = page.match(/^\| .* \| (allowed|conditional|forbidden|unknown) \| .*$/gm);
    expect(rows).toEqual(
      PROVIDER_TERMS.map(
        ({provider, training, says, clause = 'not confirmed', url}) =>
          `| ${provider} | ${training} | ${says} | [${clause}](${url}) |`,
      ),
    );
  });

  it('are told once for all parts, never as advice, and not of servers of your own', () => {
    const own = at('http://127.0.0.1:8000/v1');
    const notes = termsNotes([ensemble([anthropic(label), openai(label)]), openai({...label, model: 'n'}), own]);
    expect(notes).toHaveLength(2);
    for (const note of notes) expect(note).toMatch(/This is information, not legal advice\.$/);
    expect(termsNote(new URL('http://gpu.local:8000'))).toBeUndefined();
    expect(termsNote(new URL('https://models.example.com/v1'))).toContain('knows no terms of models.example.com');
  });

  it('that forbid training stop whoever has no permission, with the clause, the link and the flag', () => {
    const whole = ensemble([openai(label), anthropic(label)]);
    const refused =
      /terms of Anthropic forbid .*“Do Not Abuse Our Platform”.*anthropic\.com\/legal\/aup.*Nothing was asked/;
    expect(() => checkPermission([whole], false)).toThrow(refused);
    expect(() => checkPermission([whole], false)).toThrow('`--i-have-permission`, or `hasPermission: true`');
    checkPermission([whole], true);
    checkPermission([openai(label), at('http://localhost:1/v1'), at('https://models.example.com/v1')], false);
  });

  it('are known by the identity of kept answers', () => {
    const whole = ensemble([openai(label), anthropic(label)]);
    expect(termsIn(whole.identity).map(({provider}) => provider)).toEqual(['OpenAI', 'Anthropic']);
    expect(() => checkKnowledgePermission(typed.identity, false)).toThrow('2.3(b)');
    checkKnowledgePermission(typed.identity, true);
    expect(termsIn(at('http://127.0.0.1:1/v1').identity)).toEqual([]);
    expect(termsIn(openai({...label, service: 'mine'}).identity)).toEqual([]);
  });
});
