import {describe, expect, it} from 'vitest';
import {isValueType, typeName, typeNumber, wholeRange} from '../../../src/engine/graphs/graph.ts';

describe('the types of values', () => {
  it.each([
    ['float32', 1],
    ['uint8', 4],
    ['string', 7],
    ['int64', 9],
    ['float16', 19],
  ] as const)('%s is number %d of TensorFlow, both ways', (name, number) => {
    expect(typeNumber(name)).toBe(number);
    expect(typeName(number)).toBe(name);
    expect(isValueType(name)).toBe(true);
  });

  it('has a name for a number that is not one of them', () => {
    expect(typeName(20)).toBe("TensorFlow's type 20");
    expect(isValueType(typeName(20))).toBe(false);
    expect(isValueType('toString')).toBe(false);
  });

  it.each([
    ['uint8', [0, 255]],
    ['int8', [-128, 127]],
    ['uint16', [0, 65535]],
    ['int32', [-2147483648, 2147483647]],
    ['bool', [0, 1]],
    ['float32', undefined],
    ['string', undefined],
  ])('of %s the range is %j', (name, range) => {
    expect(wholeRange(name)).toEqual(range);
  });
});
