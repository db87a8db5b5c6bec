import {describe, expect, it} from 'vitest';
import type {Completion, Finish, Step, Token} from '../../../adapters/_chat/dialect.ts';
import {type Field, fieldsIn, valueIn} from '../../../adapters/_chat/fields.ts';
import {stepOf} from '../../../adapters/_chat/openai-chat.ts';
import {projectCompletion} from '../../../adapters/_chat/projection.ts';
import {recordedFor} from '../replay.ts';

const token = (text: string, probability = 1): Token => ({text, logProbability: Math.log(probability)});

/** A step of tokens with their probabilities; the first was generated. */
function step(first: string | readonly [string, number], ...others: readonly (readonly [string, number])[]): Step {
  const all = [typeof first === 'string' ? token(first) : token(...first), ...others.map(other => token(...other))];
  return {chosen: all[0], alternatives: all};
}

/** A completion of these tokens. */
function written(...steps: readonly Step[]): Completion {
  return {text: steps.map(({chosen}) => chosen!.text).join(''), finish: 'stop', steps};
}

function named(fields: readonly Field[], name: string): Field {
  return fields.find(field => field.name === name)!;
}

/** The probability of each label of a field. */
function massesOf(completion: Completion, name: string, labels: readonly string[]) {
  const {steps = []} = named(fieldsIn(completion), name);
  const answer = projectCompletion({steps, finish: 'stop'}, {labels});
  if (typeof answer === 'string') return answer;
  const masses = Array.from(answer.classes, (label, index) => [
    labels[label],
    Math.exp(answer.logProbabilities[index]!),
  ]);
  return Object.fromEntries(masses) as Readonly<Record<string, number>>;
}

const near = (value: number) => expect.closeTo(value, 6);

/** The completion of a recorded reply. */
function recordedCompletion(name: string): Completion {
  const {choices} = recordedFor('openai', name).response.body as {
    choices: {message: {content: string}; logprobs: {content: Parameters<typeof stepOf>[0][]}}[];
  };
  const [{message, logprobs}] = choices as [(typeof choices)[number]];
  return {text: message.content, finish: 'stop', steps: logprobs.content.map(stepOf)};
}

describe('the fields of an answer', () => {
  it('are read from an object of texts, numbers, booleans and objects, however it is written', () => {
    const text =
      ' ```json\n{ "a" : "x \\"y\\" {\\u00e9", "b":12 ,\n"c": {"label": "z}", "confidence": 80}, "é": true,"l":[1,{"k":2}]}```';
    expect(fieldsIn({text}).map(field => [field.name, field.text])).toEqual([
      ['a', 'x "y" {é'],
      ['b', '12'],
      ['c', '{"label": "z}", "confidence": 80}'],
      ['é', 'true'],
      ['l', '[1,{"k":2}]'],
    ]);
  });

  it.each([
    ['{"a":"x","b":"y', ['a']],
    ['{"a":"x","b":1', ['a']],
    ['{"a":"x","b":{"label":"y"', ['a']],
    ['{"a":"x","b"', ['a']],
    ['{"a":"x" "b":"y"}', ['a']],
    ['{"a":"x",', ['a']],
    ['{', []],
    ['', []],
    ['It is x.', []],
    ['["a"]', []],
  ])('of %j are those that are complete', (text, names) => {
    expect(fieldsIn({text}).map(({name}) => name)).toEqual(names);
  });

  it('have the tokens that reach into their values, each with the same start', () => {
    const completion = written(
      ...[step('{"'), step('urgent'), step('":'), step(['true', 0.81], ['false', 0.18], ['null', 0.005])],
      ...[step(',"'), step('team'), step('":"')],
      ...[step(['b', 0.9], ['ship', 0.06], ['bill', 0.03], ['tech', 0.008]), step(['illing', 0.999], ['ugs', 0.001])],
      ...[step('","'), step('anger'), step('":'), step(['2', 0.6], ['1', 0.3], ['0', 0.1]), step('}')],
    );
    const fields = fieldsIn(completion);
    expect(fields.map(({name, text, start, end}) => [name, text, start, end])).toEqual([
      ['urgent', 'true', 10, 14],
      ['team', 'billing', 23, 30],
      ['anger', '2', 40, 41],
    ]);
    expect(massesOf(completion, 'urgent', ['false', 'true'])).toEqual({true: near(0.81), false: near(0.18)});
    expect(massesOf(completion, 'team', ['billing', 'shipping', 'technical'])).toEqual({
      ...{billing: near(0.9 * 0.999 + 0.03), shipping: near(0.06), technical: near(0.008)},
    });
    expect(massesOf(completion, 'anger', ['0', '1', '2'])).toEqual({0: near(0.1), 1: near(0.3), 2: near(0.6)});
  });

  it('are found if a value begins within a token, and alternatives that end before it say nothing', () => {
    const completion = written(
      ...[step('{"ok'), step('":'), step([' true', 0.7], [' false', 0.25], [' tr', 0.02], [' "', 0.01])],
      ...[
        step(', "'),
        step('lang'),
        step('":'),
        step([' "en', 0.65], [' "de', 0.3], [' "', 0.02], ['"en', 0.01]),
        step('"}'),
      ],
    );
    expect(massesOf(completion, 'ok', ['false', 'true'])).toEqual({true: near(0.72), false: near(0.25)});
    expect(massesOf(completion, 'lang', ['en', 'de'])).toEqual({en: near(0.65), de: near(0.3)});
  });

  it('give what labels share to none of them where it was not followed', () => {
    const completion = written(
      step('{"s":"'),
      step(['ne', 0.8], ['positive', 0.2]),
      step(['utral', 0.75], ['gative', 0.25]),
      step('"}'),
    );
    expect(massesOf(completion, 's', ['negative', 'neutral', 'positive'])).toEqual({
      ...{neutral: near(0.6), negative: near(0.2), positive: near(0.2)},
    });
    const level = written(step('{"level":'), step(['1', 0.9], ['2', 0.1]), step(['0', 0.7], ['}', 0.3]), step('}'));
    expect(massesOf(level, 'level', ['1', '2', '10'])).toEqual({1: near(0.27), 2: near(0.1), 10: near(0.63)});
  });

  it('are found by bytes if a token holds part of a character', () => {
    const bytes = [...Buffer.from('é')];
    const part = (byte: number, probability: number): Token => ({...token('\ufffd', probability), bytes: [byte]});
    const [one, two] = [part(bytes[0]!, 0.9), part(bytes[1]!, 1)];
    const steps: readonly Step[] = [
      step('{"a":"'),
      {chosen: one, alternatives: [one, token('a', 0.1)]},
      {chosen: two, alternatives: [two]},
      step('","b":"'),
      step(['x', 0.5], ['y', 0.5]),
      step('"}'),
    ];
    const completion: Completion = {text: '{"a":"é","b":"x"}', finish: 'stop', steps};
    expect(fieldsIn(completion).map(({text}) => text)).toEqual(['é', 'x']);
    expect(massesOf(completion, 'a', ['a', 'é'])).toEqual({a: near(0.1), é: near(0.9)});
    expect(massesOf(completion, 'b', ['x', 'y'])).toEqual({x: near(0.5), y: near(0.5)});
  });

  it('are those of the text if the service does not say which tokens it chose', () => {
    const steps: readonly Step[] = [{chosen: undefined, alternatives: [token('{', 1)]}];
    expect(fieldsIn({text: '{"a":"x"}', steps})).toEqual([{name: 'a', text: 'x', start: 6, end: 7, steps: undefined}]);
  });

  it('are found in the reply of llama.cpp, whose grammar leaves the log-probabilities alone', () => {
    const completion = recordedCompletion('llama-cpp-schema-200');
    const [label] = fieldsIn(completion);
    expect(label).toMatchObject({name: 'label', text: 'negative'});
    expect(label!.steps!.map(({chosen}) => chosen!.text)).toEqual(['n', 'e', 'gative', '"']);
    // Whatever ends the word says it.
    const end = Math.log([-1.983, -2.59, -6.305].reduce((sum, value) => sum + Math.exp(value), 0));
    const {negative} = massesOf(completion, 'label', ['positive', 'negative', 'neutral']) as {negative: number};
    expect(Math.log(negative)).toBeCloseTo(-5.786 - 4.732 - 4.117 + end, 1);
  });

  it('are found in a reply with three of them', () => {
    const completion = recordedCompletion('made-fields-200');
    expect(massesOf(completion, 'urgent', ['false', 'true'])).toEqual({
      true: expect.closeTo(0.81, 3),
      false: near(0.18),
    });
    const team = massesOf(completion, 'team', ['billing', 'shipping', 'technical']);
    expect(team).toMatchObject({billing: expect.closeTo(0.93, 2), shipping: near(0.06), technical: near(0.008)});
    expect(massesOf(completion, 'anger', ['0', '1', '2'])).toEqual({0: near(0.1), 1: near(0.3), 2: near(0.6)});
  });
});

describe('the value of a field', () => {
  const answer = (text: string, finish: Finish = 'stop') => ({finish, fields: fieldsIn({text})});
  const valueOfA = (text: string, finish?: Finish) => valueIn(answer(text, finish), ({name}) => name === 'a');

  it('is a completion of its own', () => {
    expect(valueOfA('{"b":"y","a":"x"}')).toEqual({text: 'x', finish: 'stop'});
    expect(valueOfA('{"a":"x","b":"y', 'length')).toEqual({text: 'x', finish: 'stop'});
  });

  it.each<[string, Finish, string, boolean]>([
    ['{"b":"y"}', 'stop', 'It gave no answer.', true],
    ['{"a":"x","a":"y"}', 'stop', 'It gave 2 answers.', true],
    ['It is x.', 'stop', 'Its reply is no JSON object.', true],
    ['{"b":"y","a":"', 'length', 'cut off at the token limit', false],
    ['', 'refused', 'The model refused to answer', false],
    ['{"a":"x"', 'filtered', 'A content filter of the service', false],
  ])('is none in %j, which ended by %s', (text, finish, problem, unreadable) => {
    expect(valueOfA(text, finish)).toEqual({problem: expect.stringContaining(problem), unreadable});
  });
});
