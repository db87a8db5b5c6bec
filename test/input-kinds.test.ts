import {describe, expect, it} from 'vitest';
import {dataUrl, fieldsOf, imageOf, inputsOfKinds, kindProblem, mediaTypeOf} from '../src/input-kinds.ts';
import {floats} from './adapters/replay.ts';

describe('mediaTypeOf', () => {
  it.each([
    ['image/png', '89504e470d0a1a0a0000'],
    ['image/jpeg', 'ffd8ffe000104a464946'],
    ['image/webp', '524946462400000057454250565038'],
    [undefined, '474946383961'],
    [undefined, ''],
    [undefined, '52494646240000005741564566'],
  ])('is %s by the first bytes', (type, bytes) => {
    expect(mediaTypeOf(Buffer.from(bytes, 'hex'))).toBe(type);
  });
});

describe('an image', () => {
  it('becomes a data URL, also as a part of a larger block of memory', () => {
    const block = Buffer.from('00ffd8ff00', 'hex');
    expect(dataUrl(imageOf(block.subarray(1, 4), 'It'))).toBe('data:image/jpeg;base64,/9j/');
  });

  it('is refused by its name if it is of no known type', () => {
    expect(() => imageOf(Buffer.from('GIF89a'), 'cat.gif')).toThrow('cat.gif is no PNG, JPEG or WebP image.');
  });
});

describe('fieldsOf', () => {
  it('takes texts, finite numbers, booleans and nulls', () => {
    const fields = {name: 'Ann', age: 3.5, paid: false, since: null};
    expect(fieldsOf(fields, 'It')).toBe(fields);
  });

  it.each([
    [[1], 'It is no record.'],
    [null, 'It is no record.'],
    ['{}', 'It is no record.'],
    [{age: Number.NaN}, 'It: field `age` is NaN.'],
    [{age: Number.POSITIVE_INFINITY}, 'It: field `age` is Infinity.'],
    [{tags: ['a']}, 'It: field `tags` is of type list.'],
    [{owner: {}}, 'It: field `owner` is of type object.'],
    [{age: undefined}, 'It: field `age` is of type undefined.'],
  ])('refuses %j', (value, problem) => {
    expect(() => fieldsOf(value, 'It')).toThrow(problem);
  });
});

describe('messages about kinds', () => {
  it('name several kinds', () => {
    expect(inputsOfKinds('text')).toBe('texts');
    expect(inputsOfKinds('text', 'image', 'record')).toBe('texts, images and records');
  });

  it('say which adapters take an image or a record', () => {
    const image = imageOf(Buffer.from('ffd8ff', 'hex'), 'It');
    expect(kindProblem(['text'], {kind: 'image', ...image})).toMatch(
      /^It reads texts, and this input is an image\. Images are taken by .*`decisions`/,
    );
    expect(kindProblem(['tensor'], {kind: 'record', fields: {}})).toMatch(/Records are taken by .*`human`\.$/);
    expect(kindProblem(['text'], floats(1).input)).toBe('It reads texts, and this input is a tensor.');
  });
});
