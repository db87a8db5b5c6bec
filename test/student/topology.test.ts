import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {checkTopology} from '../../src/student/model-files.ts';

/** A topology of layers, each with its calls: for each what goes in, as a layer and the number of its call. */
function topologyOf(layers: Readonly<Record<string, readonly (readonly (readonly [string, number])[])[]>>): object {
  const entries = Object.entries(layers).map(([name, calls]) => ({
    name,
    inbound_nodes: calls.map(call => call.map(([from, number]) => [from, number, 0, {}])),
  }));
  return {class_name: 'Model', config: {layers: entries}};
}

const check = (topology: unknown): void => checkTopology('model.json', topology);

describe('checkTopology', () => {
  it('takes layers in any order, layers that are called twice, and models within models', () => {
    check(topologyOf({b: [[['a', 0]]], a: [[['input', 0]]], input: []}));
    check(
      topologyOf({
        input: [],
        shared: [[['input', 0]], [['shared', 0]]],
        sum: [
          [
            ['shared', 0],
            ['shared', 1],
          ],
        ],
      }),
    );
    check({class_name: 'Sequential', config: {layers: [{class_name: 'Dense', config: {}}]}});
    for (const other of [undefined, null, 1, 'x', {}, {config: {layers: [null, 1, {}]}}]) check(other);
  });

  it.each([
    ['one that is not there', topologyOf({a: [[['input', 0]]]})],
    [
      'itself',
      topologyOf({
        input: [],
        a: [
          [
            ['input', 0],
            ['a', 0],
          ],
        ],
      }),
    ],
    ['one that follows it', topologyOf({input: [], a: [[['b', 0]]], b: [[['a', 0]]]})],
    ['a call that there is none of', topologyOf({input: [], a: [[['input', 1]]]})],
    ['a later call of a layer', topologyOf({input: [], a: [[['b', 0]], [['input', 0]]], b: [[['a', 0]]]})],
    [
      'such a one within a model',
      {config: {layers: [{name: 'm', config: {layers: [{name: 'x', inbound_nodes: [[['y']]]}]}}]}},
    ],
  ])('refuses a layer that follows %s, since TensorFlow.js would search without end', (_, topology) => {
    expect(() => check(topology)).toThrow(InputError);
  });
});
