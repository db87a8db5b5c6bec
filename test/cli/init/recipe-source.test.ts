import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {runInNewContext} from 'node:vm';
import {describe, expect, it} from 'vitest';
import type {InitChoices} from '../../../src/cli/init/recipe-parts.ts';
import {methodOf, recipeSource} from '../../../src/cli/init/recipe-source.ts';
import {type InitService, QUESTION_SERVICES} from '../../../src/cli/init/services.ts';
import {VECTOR_SERVICES} from '../../../src/cli/init/vector-services.ts';
import {classesOf, type Question} from '../../../src/question.ts';
import {choice, keyOf, predicate, score} from '../../../src/questions.ts';
import type {Recipe} from '../../../src/recipe/recipe.ts';

const service = (name: string): InitService => QUESTION_SERVICES.find(candidate => candidate.name === name)!;

const tickets: InitChoices = {
  name: 'tickets',
  texts: {path: 'tickets.jsonl', text: 'ticket.body', label: false},
  classes: ['bug', 'refund', 'praise'],
  descriptions: {bug: 'something does not work', refund: 'wants money back'},
  service: service('openai'),
  model: 'gpt-6-luna',
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

const mails: InitChoices = {
  name: 'mails',
  texts: {path: 'mails.jsonl', text: 'body', label: false},
  classes: [],
  questions: [
    choice('topic', 'What is the message about?', {
      billing: 'Invoices, prices, refunds.',
      fault: 'Something does not work.',
      other: '',
    }),
    predicate('urgent', 'Must it be answered today?', {yes: 'Money or access is at stake.', no: 'It can wait.'}),
    predicate('rude', "Isn't it polite?"),
    score('mood', 'How content is the writer?', ['furious', 'annoyed', 'calm', 'happy']),
    {
      ...{type: 'choice', name: 'floor', instructions: 'Whose is it?'},
      options: [{name: '10', description: 'sales'}, {name: '2'}],
    },
  ],
  descriptions: {},
  service: service('decisions'),
  model: 'gpt-6-luna',
  output: 'probabilities',
  price: {perMillionInputTokens: 0.1, perMillionOutputTokens: 0},
  calls: 1000,
  test: 500,
};

const embedded: InitChoices = {
  name: 'embedded',
  texts: {path: 'texts.jsonl', text: 'body', label: false},
  classes: [],
  descriptions: {},
  service: VECTOR_SERVICES.find(({name}) => name === 'cohere')!,
  model: 'embed-v4.0',
  output: 'vector',
  vectors: {dimensions: 512, isShortened: true},
  price: {perMillionInputTokens: 0.12},
  calls: 8000,
  test: 500,
};

describe('the source of a recipe', () => {
  it.each<readonly [string, InitChoices]>([
    ['tickets.ts', tickets],
    ['reviews.ts', reviews],
    ['assisted.ts', {...tickets, encoder: 'all-minilm-l6-v2'}],
    ['chosen.ts', {...reviews, name: 'chosen', encoder: 'all-minilm-l6-v2', isChosen: true, calls: 1000}],
    ['mails.ts', mails],
    ['photos.ts', {...mails, name: 'photos', texts: {kind: 'image', path: 'photos'}}],
    [
      'cases.ts',
      {
        ...mails,
        name: 'cases',
        texts: {kind: 'record', path: 'cases.csv', label: false, columns: ['price', 'kind'], ownLabels: true},
      },
    ],
    ['embedded.ts', embedded],
    [
      'encoded.ts',
      {
        ...embedded,
        ...{name: 'encoded', service: VECTOR_SERVICES.find(({name}) => name === 'encoder')!, price: undefined},
        ...{model: 'all-minilm-l6-v2', vectors: {dimensions: 384, isShortened: false}},
      },
    ],
    ['labelled.ts', {...mails, texts: {...mails.texts, path: 'labelled.jsonl', ownLabels: true}}],
  ])('is %s, which the type check of this project reads', async (name, choices) => {
    const fixture = join(import.meta.dirname, '../../fixtures/init', name);
    expect(recipeSource(choices)).toBe(await readFile(fixture, 'utf8'));
  });

  it('has an assistant that a recipe can have, with descriptions if there are some', async () => {
    const {default: assisted} = (await import('../../fixtures/init/assisted.ts')) as {readonly default: Recipe};
    expect(assisted.assistant).toEqual({encoder: 'all-minilm-l6-v2', descriptions: tickets.descriptions});
    const {default: chosen} = (await import('../../fixtures/init/chosen.ts')) as {readonly default: Recipe};
    expect(chosen.methods[0]!.select).toMatchObject({
      by: {name: 'medoids', needs: {encoder: 'all-minilm-l6-v2'}},
      held: 50,
    });
    const source = recipeSource({...tickets, encoder: "my 'encoder'", descriptions: {}});
    expect(source).toContain(`assistant: {encoder: "my 'encoder'"},`);
    expect(source).not.toContain('descriptions');
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

  it('asks the questions that were given, whatever is in them', () => {
    const names = ["it's", 'say "x"', `$\{\`a\`}`, 'two\nlines', '__proto__', '10', '2'];
    const options = names.map((name, index) => (index % 2 ? {name} : {name, description: `about ${name}`}));
    const given: readonly Question[] = [
      ...mails.questions!,
      {type: 'choice', name: names[1]!, instructions: names[2]!, options},
      {type: 'choice', name: 'bare', instructions: '', options: options.map(({name}) => ({name}))},
      {type: 'score', name: '__proto__', instructions: 'How?', levels: options.slice(0, 5)},
      {type: 'predicate', name: "it's", instructions: 'Is it so?', no: '*/'},
    ];
    const {recipe} = evaluate(recipeSource({...mails, questions: given}));
    const plain = (questions: readonly Question[]) =>
      questions.map(question => JSON.stringify([question.name, keyOf(question)]).replaceAll(',"description":""', ''));
    expect(plain(recipe.questions!)).toEqual(plain(given));
    expect(recipe.teachers['gray-box']!()).toMatchObject({model: 'gpt-6-luna', questions: recipe.questions});
    expect(recipe.data(given[0])).toMatchObject({classes: ['billing', 'fault', 'other']});
  });

  it('asks a language model for the output of each question, and a server in its own form', () => {
    const asked = recipeSource({...mails, service: service('openai'), model: 'gpt-6-luna', output: 'label'});
    expect(asked).toContain("output: 'label',");
    expect(asked).toContain("'black-box': () =>");
    expect(asked).toContain("methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}]");
    const url = 'http://127.0.0.1:30000/v1';
    expect(recipeSource({...mails, url, dialect: 'sglang'})).toContain("dialect: 'sglang',");
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
    readonly questions?: readonly Question[];
    readonly data: (question?: Question) => object;
    readonly teachers: Readonly<
      Record<string, () => {readonly model: string; readonly descriptions: Readonly<Record<string, string>>}>
    >;
  };
}

/** Runs a recipe whose functions give back what they are called with. */
function evaluate(source: string): Read {
  const names = ['hashedNgrams', 'textDataset', 'topKLabels', 'openai', 'decisions', 'defineRecipe'];
  const given = Object.fromEntries(names.map(name => [name, (value: unknown) => value]));
  const script = source.replace(/^import .*$/gm, '').replace('export default', 'const recipe =');
  const json = `${script}\n({classes: typeof classes === 'undefined' ? [] : classes, recipe})`;
  return runInNewContext(json, {...given, choice, classesOf, predicate, score}) as Read;
}
