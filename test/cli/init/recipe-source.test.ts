import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {runInNewContext} from 'node:vm';
import {describe, expect, it} from 'vitest';
import {type InitChoices, methodOf, recipeSource} from '../../../src/cli/init/recipe-source.ts';
import {INIT_SERVICES, type InitService} from '../../../src/cli/init/services.ts';

const service = (name: string): InitService => INIT_SERVICES.find(candidate => candidate.name === name)!;

const tickets: InitChoices = {
  name: 'tickets',
  texts: {path: 'tickets.jsonl', text: 'ticket.body', label: false},
  classes: ['bug', 'refund', 'praise'],
  descriptions: {bug: 'something does not work', refund: 'wants money back'},
  service: service('openai'),
  model: 'gpt-4.1-mini',
  output: 'log-probabilities',
  price: {perMillionInputTokens: 0.4, perMillionOutputTokens: 1.6},
  calls: 1000,
  test: 500,
};

const reviews: InitChoices = {
  name: 'reviews',
  texts: {path: 'data/reviews.csv', format: 'csv', text: '2', label: '3', header: false},
  classes: Array.from({length: 24}, (_, index) => `class ${index}`),
  descriptions: {},
  service: service('compatible'),
  url: 'http://127.0.0.1:9000/v1',
  model: 'local',
  output: 'label',
  calls: 40,
  test: 10,
};

describe('the source of a recipe', () => {
  it.each([
    ['tickets.ts', tickets],
    ['reviews.ts', reviews],
  ])('is %s, which the type check of this project reads', async (name, choices) => {
    const fixture = join(import.meta.dirname, '../../fixtures/init', name);
    expect(recipeSource(choices)).toBe(await readFile(fixture, 'utf8'));
  });

  it('names the file of the texts to measure with, and draws none then', () => {
    const source = recipeSource({...tickets, texts: {...tickets.texts, testPath: 'measured.jsonl'}});
    expect(source).toContain("path: {train: 'tickets.jsonl', test: 'measured.jsonl'},");
    expect(source).not.toMatch(/^ +test: \d/m);
  });

  it('holds names and descriptions as they are, whatever is in them', () => {
    const classes = ["it's", 'say "x"', `$\{\`a\`}`, 'back\\slash', 'two\nlines', '*/', '__proto__', 'line\u2028end'];
    const descriptions = Object.fromEntries(classes.map(name => [name, `about ${name}`]));
    const source = recipeSource({...tickets, classes, descriptions, model: "m'\n", texts: {path: "a'b.jsonl"}});
    const read = evaluate(source);
    expect(read.classes).toEqual(classes);
    expect(read.recipe.data()).toMatchObject({path: "a'b.jsonl", classes});
    const teacher = read.recipe.teachers['gray-box']!();
    expect(teacher.model).toBe("m'\n");
    expect(Object.entries(teacher.descriptions)).toEqual(Object.entries(descriptions));
  });

  it('asks for no more classes than services name', () => {
    const classes = Array.from({length: 30}, (_, index) => `c${index}`);
    expect(recipeSource({...tickets, classes})).toContain("detail: {kind: 'top-k', k: 20}");
    expect(recipeSource(tickets)).toContain("detail: {kind: 'top-k', k: 3}");
    expect(recipeSource({...tickets, output: 'confidence'})).not.toContain('detail:');
  });
});

describe('the method that learns from an output', () => {
  it('is of the level that shows it', () => {
    expect(methodOf('label')).toEqual({level: 'black-box', method: 'labels'});
    expect(methodOf('confidence')).toEqual({level: 'gray-box', method: 'confidence'});
    expect(methodOf('log-probabilities')).toEqual({level: 'gray-box', method: 'probabilities'});
  });
});

interface Read {
  readonly classes: readonly string[];
  readonly recipe: {
    readonly data: () => object;
    readonly teachers: Readonly<
      Record<string, () => {readonly model: string; readonly descriptions: Readonly<Record<string, string>>}>
    >;
  };
}

/** Runs a recipe whose functions give back what they are called with. */
function evaluate(source: string): Read {
  const names = ['adam', 'hashedNgrams', 'textDataset', 'topKLabels', 'openai', 'defineRecipe'];
  const given = (value: unknown) => value;
  const script = source.replace(/^import .*$/gm, '').replace('export default', 'const recipe =');
  const json = `${script}\n({classes, recipe})`;
  return runInNewContext(json, Object.fromEntries(names.map(name => [name, given]))) as Read;
}
