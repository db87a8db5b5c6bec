import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import type {Attribute, Attributes} from '../../../src/engine/compiled/binding.ts';
import type {GraphNode} from '../../../src/engine/compiled/graph.ts';
import {savedModel} from '../../../src/engine/compiled/session.ts';

interface Fixture {
  readonly nodes: readonly {
    readonly name: string;
    readonly operation: string;
    readonly inputs: readonly string[];
    readonly attributes: Readonly<Record<string, readonly [kind: string, value: unknown]>>;
  }[];
  /** The bytes that TensorFlow's own classes write, in hexadecimal. */
  readonly savedModel: string;
}

const fixture: Fixture = JSON.parse(readFileSync('test/fixtures/engine/saved-model.json', 'utf8'));
const arrays = {1: Float32Array, 3: Int32Array, 10: Uint8Array} as const;

function attributesOf(entries: Fixture['nodes'][number]['attributes']): Attributes {
  return Object.fromEntries(
    Object.entries(entries).map(([name, [kind, value]]) => {
      if (kind !== 'tensor') return [name, {kind, value} as Attribute];
      const {dtype, shape, values} = value as {dtype: 1 | 3 | 10; shape: number[]; values: number[]};
      const constant = {kind: 'constant', dtype, shape, values: arrays[dtype].from(values)} as const;
      return [name, {kind: 'tensor', value: constant}];
    }),
  );
}

describe('savedModel', () => {
  it("writes a graph byte for byte as TensorFlow's own classes do", () => {
    const nodes: GraphNode[] = fixture.nodes.map(node => ({...node, attributes: attributesOf(node.attributes)}));
    expect(Buffer.from(savedModel(nodes)).toString('hex')).toBe(fixture.savedModel);
  });

  it('names what a node waits for after what it takes', () => {
    const node = {name: 'n', operation: 'Neg', attributes: {}};
    const [mixed, sorted] = [
      ['^a', 'x', '^b', 'y'],
      ['x', 'y', '^a', '^b'],
    ];
    expect(savedModel([{...node, inputs: mixed!}])).toEqual(savedModel([{...node, inputs: sorted!}]));
  });
});
