import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {endingNote, HOSTED_MODELS, hostedModel} from '../../../src/cli/init/hosted-models.ts';
import {QUESTION_SERVICES} from '../../../src/cli/init/services.ts';
import {VECTOR_SERVICES} from '../../../src/cli/init/vector-services.ts';
import {read, root} from '../../pages.ts';

/** What the names of hosted models begin with. Names of open models that people serve themselves are not among them. */
const FAMILIES = [
  ...['gpt-\\d', 'chatgpt-', 'o\\d-', 'text-embedding-\\d', 'claude-', 'gemini-', '(?:eu|us|global)\\.\\w+\\.'],
  ...['amazon\\.nova', 'mistral-', 'ministral-', 'magistral-', 'command-[ar]', 'embed-v', 'jev-', 'sonar'],
  ...['grok-', 'deepseek-', 'voyage-', 'kimi-'],
];
const NAME = new RegExp(`(?<![\\w./:-])(?:${FAMILIES.join('|')})[\\w.:-]*\\w`, 'g');

function pagesIn(folder: string, ending: RegExp): readonly string[] {
  return readdirSync(join(root, folder), {recursive: true, encoding: 'utf8'})
    .filter(name => ending.test(name) && !/node_modules|\.vitepress/.test(name))
    .map(name => `${folder}/${name}`);
}

const pages = ['README.md', ...pagesIn('docs', /\.md$/), ...pagesIn('examples', /\.(md|ts)$/)];
const named = pages.flatMap(page => Array.from(read(page).matchAll(NAME), ([name]) => ({page, name})));

describe('the hosted models that are named to users', () => {
  it('have a source and a day on which it was looked at', () => {
    const today = new Date().toISOString().slice(0, 10);
    for (const {source, checkedAt} of HOSTED_MODELS) {
      expect(new URL(source).protocol).toBe('https:');
      expect(checkedAt).toMatch(/^\d{4}-\d\d-\d\d$/);
      expect(checkedAt <= today).toBe(true);
    }
    expect(new Set(HOSTED_MODELS.map(({model}) => model)).size).toBe(HOSTED_MODELS.length);
  });

  it('have not ended: an ended one is taken out of the list', () => {
    const today = new Date().toISOString().slice(0, 10);
    expect(HOSTED_MODELS.filter(({endsAt = '9'}) => endsAt < today)).toEqual([]);
  });

  it('are in the list wherever a page or an example names them, and have no announced end', () => {
    expect(named.length).toBeGreaterThan(10);
    const wrong = named.filter(({name}) => hostedModel(name) === undefined || hostedModel(name)!.endsAt !== undefined);
    expect(wrong).toEqual([]);
  });

  it('are named with their end to whoever chooses one that ends', () => {
    for (const {model, endsAt, source} of HOSTED_MODELS) {
      const said = endsAt && expect.stringContaining(`The model ${model} ends on ${endsAt}, `);
      expect(endingNote(model)).toEqual(said);
      if (endsAt !== undefined) expect(endingNote(model)).toContain(`See ${source}.`);
    }
    expect(endingNote('qwen3:4b')).toBeUndefined();
  });

  it('are in the list if `init` suggests them, and have no announced end', () => {
    for (const {charges, example} of [...QUESTION_SERVICES, ...VECTOR_SERVICES]) {
      if (!charges) continue;
      expect(hostedModel(example), example).toBeDefined();
      expect(hostedModel(example)!.endsAt, example).toBeUndefined();
    }
  });
});
