import {describe, expect, it} from 'vitest';
import {SchemaReader} from '../../src/serve/chat-form.ts';

describe('SchemaReader', () => {
  it.each([
    ['an enum', {type: 'string', enum: ['a', 'b']}],
    ['constants', {oneOf: [{const: 'a'}, {const: 'b'}]}],
    ['a named type', {$ref: '#/$defs/Letter', $defs: {Letter: {enum: ['a', 'b']}}}],
    [
      'a named type behind others',
      {allOf: [{$ref: '#/$defs/One'}], $defs: {One: {$ref: '#/$defs/Two'}, Two: {enum: ['a', 'b']}}},
    ],
    ['what may be left out', {anyOf: [{enum: ['a', 'b']}, {type: 'null'}]}],
  ])('finds the values of %s', (_, schema) => {
    expect(new SchemaReader(schema).values).toEqual(['a', 'b']);
  });

  it('finds properties and which of them must be there, with their references followed', () => {
    const reader = new SchemaReader({
      type: 'object',
      properties: {label: {$ref: '#/definitions/Letter'}, note: {type: 'string'}},
      required: ['label'],
      definitions: {Letter: {enum: ['a']}},
    });
    expect(reader.properties).toEqual([
      ['label', {enum: ['a']}],
      ['note', {type: 'string'}],
    ]);
    expect(reader.required).toEqual(['label']);
  });

  it.each([
    {},
    {properties: {a: null, b: 7}, required: 7, enum: 'a'},
    {$ref: '#/$defs/Self', $defs: {Self: {$ref: '#/$defs/Self'}}},
    {$ref: '#', anyOf: []},
    {$ref: 'https://example.com/schema'},
    {
      anyOf: new Array(99).fill({$ref: '#/$defs/Self'}),
      $defs: {Self: {anyOf: new Array(99).fill({$ref: '#/$defs/Self'})}},
    },
  ])('finds nothing in what lists nothing, and ends (%#)', schema => {
    const reader = new SchemaReader(schema);
    expect(reader.values).toEqual([]);
    for (const [, property] of reader.properties) expect(reader.valuesOf(property)).toEqual([]);
  });
});
