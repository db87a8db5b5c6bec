import {describe, expect, it} from 'vitest';
import {aliasIndex, readerWith, unknownLabel, withHint} from '../../../adapters/_answers/labels.ts';
import {http} from '../../../adapters/http.ts';
import {openInference} from '../../../adapters/open-inference.ts';
import {openai} from '../../../adapters/openai.ts';
import {InputError, type TeacherError} from '../../../src/errors.ts';
import type {Outcome, Reply, Teacher} from '../../../src/teacher.ts';

const classes = ['card_arrival', 'card_linking', "can't_pay"];
const aliases = {'card arrival': 'card_arrival'};
const words = {classes, aliases: undefined};
const told = (text: string, more: object = {}) => {
  const unknown = unknownLabel(text, {...words, ...more}, 'It names none', 'Check it.');
  return {text: withHint(unknown), said: unknown.said};
};

describe('what is told of a label that means no class', () => {
  it('is the label, the nearest class, and the line that maps it', () => {
    expect(told('card arrival')).toEqual({
      text:
        'It names none. Check it. It says "card arrival"; the nearest class is `card_arrival`. If it means that, ' +
        "add `aliases: {'card arrival': 'card_arrival'}` to the teacher.",
      said: {text: 'card arrival', nearest: 'card_arrival'},
    });
    expect(told('CANT PAY').text).toContain(`aliases: {'CANT PAY': "can't_pay"}`);
  });

  it('offers no line for what is far from every class, and none of an adapter without aliases', () => {
    expect(told('weather').text).toMatch(
      /the nearest class is `[\w']+`, and that is far\. If it means another class, add `aliases: \{/,
    );
    const {hint} = unknownLabel('card arrival', {classes}, 'It names none', 'Check it.');
    expect(hint).toBe('It says "card arrival"; the nearest class is `card_arrival`.');
  });

  it('cuts what is long, and keeps it in one line without what a terminal obeys', () => {
    const {said, text} = told(`card arrival\u001b[31m\n${'and so on '.repeat(50)}`);
    expect([...said!.text].length).toBe(60);
    expect(said!.text).toMatch(/^card arrival \[31m and so on .*…$/);
    expect(text).not.toContain('aliases');
  });

  it('names the class if the teacher has labels of its own', () => {
    expect(told('LABEL_I', {labels: ['LABEL_0', 'LABEL_1', 'LABEL_2']}).said?.nearest).toBe('card_arrival');
  });
});

describe('aliases', () => {
  it.each([
    [
      {x: 'card_arival'},
      "The alias 'x' of class `card_arival` can't be used: there is no such class. The nearest is `card_arrival`.",
    ],
    [{card_linking: 'card_arrival'}, 'it is the name or code of `card_linking`.'],
    [{'': 'card_arrival'}, 'it holds no word.'],
  ])('are refused if they mean nothing: %j', (wrong, problem) => {
    expect(() => aliasIndex({classes, aliases: wrong})).toThrow(InputError);
    expect(() => aliasIndex({classes, aliases: wrong})).toThrow(problem);
  });

  it('are refused if two that are read alike mean two classes', () => {
    const two = {Arrival: 'card_arrival', arrival: 'card_linking'};
    expect(() => aliasIndex({classes, aliases: two}, text => text.toLowerCase())).toThrow(
      'it means `card_arrival`, too.',
    );
    expect(aliasIndex({classes, aliases: two}).size).toBe(2);
  });

  it('are a part of the reader alone, which stays as it was without any', () => {
    expect(readerWith(1, undefined)).toBe(1);
    expect(readerWith(1, {})).toBe(1);
    expect(readerWith(1, aliases)).toEqual({reader: 1, aliases});
  });

  const url = 'http://127.0.0.1:9/v1';
  const chat = (more: object = {}): Teacher =>
    openai({url, model: 'm', classes, output: 'label', key: 'sk-secret-key', ...more});
  const completion = (content: string): Reply => ({
    status: 200,
    headers: {},
    body: JSON.stringify({choices: [{index: 0, message: {role: 'assistant', content}, finish_reason: 'stop'}]}),
  });
  const json = (document: unknown): Reply => ({status: 200, headers: {}, body: JSON.stringify(document)});
  const readBy = ({service}: Teacher, reply: Reply): Outcome => service!.read(reply, 1, {kind: 'label'})[0]!;

  it('change how kept replies are read, and not whom they are kept for', () => {
    const [plain, mapped] = [chat(), chat({aliases})];
    expect(mapped.identity).toEqual(plain.identity);
    expect(mapped.service!.reader).not.toEqual(plain.service!.reader);
    const reply = completion('{"label": "Card  arrival"}');
    expect((readBy(plain, reply) as {error: TeacherError}).error).toMatchObject({
      unreadable: true,
      said: {text: 'Card arrival', nearest: 'card_arrival'},
    });
    expect(readBy(mapped, reply)).toEqual({answer: {kind: 'label', label: 0}});
    expect(readBy(mapped, completion('card arrivals'))).toHaveProperty('error');
  });

  it('map labels and the names of scores of services over HTTP', () => {
    const shared = {url: 'http://127.0.0.1:9/predict', classes, request: {input: '{text}'}, key: 'sk-secret-key'};
    const labels = (more: object = {}): Teacher => http({...shared, output: {label: '/label'}, ...more});
    expect(readBy(labels({aliases}), json({label: 'card arrival'}))).toEqual({answer: {kind: 'label', label: 0}});
    expect(readBy(labels({aliases}), json({label: 'Card arrival'}))).toHaveProperty('error');
    expect(labels({aliases}).identity).toEqual(labels().identity);
    const scores = http({...shared, output: {probabilities: '/scores'}, aliases});
    const read = readBy(scores, json({scores: {'card arrival': 0.5, card_linking: 0.25, "can't_pay": 0.25}}));
    expect(read).toMatchObject({answer: {kind: 'log-probabilities'}});
  });

  it('can be the name of their own class, if a service has labels of its own', () => {
    const labels = ['LABEL_0', 'LABEL_1', 'LABEL_2'];
    const shared = {url: 'http://127.0.0.1:9/predict', classes, labels, request: {input: '{text}'}};
    const teacher = http({...shared, output: {label: '/label'}, aliases: {card_linking: 'card_linking'}});
    expect(readBy(teacher, json({label: 'card_linking'}))).toEqual({answer: {kind: 'label', label: 1}});
    expect(readBy(teacher, json({label: 'card_arrival'}))).toHaveProperty('error');
  });

  it('stand for numbers that are no index, too', () => {
    const teacher = http({
      url: 'http://127.0.0.1:9/predict',
      classes,
      request: {input: '{text}'},
      output: {label: '/label'},
      aliases: {'-1': "can't_pay"},
    });
    expect(readBy(teacher, json({label: -1}))).toEqual({answer: {kind: 'label', label: 2}});
    expect(readBy(teacher, json({label: 1}))).toEqual({answer: {kind: 'label', label: 1}});
  });

  it('are refused if no class is named', () => {
    expect(() => chat({output: 'log-probabilities', aliases})).toThrow('Leave it out.');
    const scores = {url: 'http://127.0.0.1:9', model: 'm', classes, output: {logits: 'scores'}} as const;
    expect(() => openInference({...scores, aliases})).toThrow(InputError);
    expect(() => chat({codes: ['A', 'B', 'C'], aliases: {b: 'card_arrival'}})).toThrow(
      'it is the name or code of `card_linking`.',
    );
  });
});
