import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {readMetaGraphs} from '../../../src/engine/graphs/saved-model.ts';
import {savedModels} from '../../adapters/saved-models.ts';

const read = (model: string) => readMetaGraphs(readFileSync(join(savedModels, model, 'saved_model.pb')));

// The output of `saved_model_cli show --all` for the same files.
describe('readMetaGraphs', () => {
  it('reads all signatures, with the types and shapes of what they take and give', () => {
    const [graph, ...others] = read('two');
    expect(others).toEqual([]);
    expect(graph).toMatchObject({tags: ['serve'], hasVariables: true});
    expect([...graph!.signatures.keys()].sort()).toEqual(['exact', 'fixed', 'pair']);
    const {inputs, outputs} = graph!.signatures.get('fixed')!;
    expect(inputs).toEqual([{name: 'counts', dtype: 'int64', shape: [2, 3], node: 'fixed_counts:0'}]);
    expect(outputs.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      {name: 'doubled', dtype: 'int64', shape: [2, 3], node: 'StatefulPartitionedCall_1:0'},
      {name: 'scores', dtype: 'float32', shape: [2, 2], node: 'StatefulPartitionedCall_1:1'},
      {name: 'total', dtype: 'float32', shape: [], node: 'StatefulPartitionedCall_1:2'},
    ]);
  });

  it('reads a batch of any size, and texts', () => {
    const [graph] = read('text');
    expect(graph!.signatures.get('serving_default')).toMatchObject({
      inputs: [{name: 'text', dtype: 'string', shape: [null]}],
      outputs: [{name: 'logits', dtype: 'float32', shape: [null, 3]}],
    });
  });

  it('refuses a file that is cut short', () => {
    const bytes = readFileSync(join(savedModels, 'two/saved_model.pb'));
    expect(() => readMetaGraphs(bytes.subarray(0, 1000))).toThrow();
  });
});
