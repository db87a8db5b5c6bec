import {describe, expect, it} from 'vitest';
import {parseJsonPart} from '../../../src/cli/init/json-part.ts';
import {readSchema} from '../../../src/cli/init/question-schema.ts';

const read = (schema: unknown) => readSchema(parseJsonPart(JSON.stringify(schema), 'form.json'));
const property = (schema: object) => read({type: 'object', properties: {p: schema}}).questions[0];

/** As Pydantic writes it for an enum and an integer with bounds. */
const pydantic = {
  $defs: {Topic: {description: 'Kinds of mails.', enum: ['billing', 'fault'], title: 'Topic', type: 'string'}},
  properties: {
    topic: {$ref: '#/$defs/Topic', description: 'What is it about?'},
    urgent: {description: 'Must it be answered today?', title: 'Urgent', type: 'boolean'},
    mood: {
      default: 3,
      description: 'How content is the writer?',
      maximum: 5,
      minimum: 1,
      title: 'Mood',
      type: 'integer',
    },
  },
  required: ['topic', 'urgent'],
  title: 'Ticket',
  type: 'object',
};

const asked = [
  {type: 'choice', name: 'topic', instructions: 'What is it about?', options: [{name: 'billing'}, {name: 'fault'}]},
  {type: 'predicate', name: 'urgent', instructions: 'Must it be answered today?'},
  {
    type: 'score',
    name: 'mood',
    instructions: 'How content is the writer?',
    levels: ['1', '2', '3', '4', '5'].map(name => ({name})),
  },
];

describe('a JSON Schema', () => {
  it('asks a choice of an enum, a predicate of a boolean and a score of an integer with bounds', () => {
    expect(read(pydantic)).toEqual({questions: asked, notes: []});
  });

  it.each([
    [
      'a request for structured output',
      {model: 'm', response_format: {type: 'json_schema', json_schema: {name: 'n', strict: true, schema: pydantic}}},
    ],
    ['a request for a response', {model: 'm', text: {format: {type: 'json_schema', name: 'n', schema: pydantic}}}],
    ['a named schema', {name: 'n', schema: pydantic}],
  ])('is found in %s', (_, document) => {
    expect(read(document).questions).toEqual(asked);
  });

  it('describes classes that are named one by one', () => {
    const oneOf = [{const: 'a', description: 'the first'}, {const: 'b', title: 'the second'}, {const: 'c'}];
    const options = [{name: 'a', description: 'the first'}, {name: 'b', description: 'the second'}, {name: 'c'}];
    expect(property({oneOf})).toMatchObject({type: 'choice', options});
    expect(property({anyOf: [{const: 1}, {const: 2, description: 'more'}]})).toMatchObject({
      type: 'score',
      levels: [{name: '1'}, {name: '2', description: 'more'}],
    });
  });

  it('takes integers in an enum for levels, and both truths for a predicate', () => {
    expect(property({enum: [-1, 0, 1]})).toMatchObject({
      type: 'score',
      levels: [{name: '-1'}, {name: '0'}, {name: '1'}],
    });
    expect(property({enum: [false, true]})).toMatchObject({type: 'predicate'});
  });

  it('keeps to the stricter of two bounds', () => {
    const levels = ['2', '3'].map(name => ({name}));
    expect(property({type: 'integer', exclusiveMinimum: 1, minimum: 0, exclusiveMaximum: 4})).toMatchObject({levels});
  });

  it('asks by the title or the name if there is no description, and says so', () => {
    const {questions, notes} = read({
      properties: {is_spam: {type: 'boolean', title: 'Is Spam'}, rude: {allOf: [{type: 'boolean'}]}},
    });
    expect(questions.map(({instructions}) => instructions)).toEqual(['Is Spam', 'rude']);
    expect(notes[0]).toBe('`is_spam` has no description, so “Is Spam” is asked. Write what you mean into the recipe.');
    expect(notes).toHaveLength(2);
  });
});

describe('a JSON Schema is refused', () => {
  it.each([
    ['with a text', {type: 'string'}, 'properties.p.type: "string" has no classes. Give an enum, a boolean'],
    ['with a number', {type: 'number', minimum: 0, maximum: 1}, '"number" has no classes'],
    [
      'with a list',
      {type: 'array', items: {enum: ['a', 'b']}},
      'properties.p.items: It is not known what `items` means',
    ],
    ['with an inner object', {type: 'object', properties: {}}, 'properties.p.properties: It is not known'],
    ['with nothing in a property', {}, 'properties.p: It has neither a type nor an enum.'],
    ['with an integer without a bound', {type: 'integer', minimum: 1}, 'properties.p: It has no `maximum`'],
    ['with bounds around too much', {type: 'integer', minimum: 0, maximum: 1000}, 'It has 1001 levels.'],
    [
      'with bounds around nothing',
      {type: 'integer', minimum: 5, maximum: 1},
      'Its lowest level is 5, and its highest 1.',
    ],
    [
      'with a bound between integers',
      {type: 'integer', minimum: 0.5, maximum: 2},
      'properties.p.minimum: Expected an integer.',
    ],
    ['with integers out of order', {enum: [3, 1, 2]}, 'properties.p.enum: The levels are 3, 1, 2. Order them'],
    ['with one class', {enum: ['a']}, 'properties.p.enum: Expected two or more, got 1.'],
    ['with a class twice', {enum: ['a', 'a']}, 'properties.p.enum: `a` is given twice.'],
    ['with a null among the classes', {enum: ['a', 'b', null]}, 'properties.p.enum: A null is no class.'],
    [
      'with a property that may be null',
      {anyOf: [{enum: ['a', 'b']}, {type: 'null'}]},
      'properties.p.anyOf[1]: A null is no class.',
    ],
    ['with texts and integers mixed', {enum: ['a', 1]}, 'It mixes text and integer.'],
    ['with fractions', {enum: [0.5, 1.5]}, 'It names no classes.'],
    [
      'with a keyword that narrows the answers',
      {type: 'integer', minimum: 0, maximum: 9, multipleOf: 3},
      'properties.p.multipleOf: It is not known',
    ],
    ['with a reference to nothing', {$ref: '#/$defs/X'}, 'properties.p.$ref: There is nothing at #/$defs/X.'],
    ['with a reference to another file', {$ref: 'other.json'}, 'is in another file'],
  ])('%s, and says where', (_, schema, problem) => {
    expect(() => property(schema)).toThrow(problem);
  });

  it('with a reference to itself', () => {
    expect(() => read({$defs: {A: {$ref: '#/$defs/A'}}, properties: {p: {$ref: '#/$defs/A'}}})).toThrow(
      'It refers to itself.',
    );
  });

  it('whose parts depend on each other', () => {
    expect(() => read({...pydantic, if: {}})).toThrow('form.json, if: This field is unknown.');
  });
});
