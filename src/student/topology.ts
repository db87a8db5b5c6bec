import {InputError} from '../errors.ts';

/** A layer in a topology, as far as it says which others it follows. Any part may be missing in a damaged file. */
interface LayerEntry {
  readonly name?: unknown;
  readonly config?: {readonly layers?: unknown};
  /** One entry a call of the layer, each a list of what goes in: the name of a layer, and which of its calls. */
  readonly inbound_nodes?: unknown;
}

/** A call of a layer that waits for those of others. */
interface Call {
  readonly layer: unknown;
  /** Layers, and which of their calls. */
  readonly follows: readonly (readonly [layer: unknown, call: number])[];
}

/**
 * Checks that every layer of a model follows others that are there, and never itself: TensorFlow.js would look for them
 * without end.
 *
 * @param path - of the file, for messages
 * @param topology - its `modelTopology`
 * @throws InputError that names the layer
 */
export function checkTopology(path: string, topology: unknown): void {
  const root = topology as {readonly model_config?: {readonly config?: unknown}; readonly config?: unknown} | null;
  checkLayers(path, (root?.model_config ?? root)?.config);
}

function checkLayers(path: string, config: unknown): void {
  const layers = (config as {readonly layers?: unknown} | null | undefined)?.layers;
  if (!Array.isArray(layers)) return;
  const entries = layers.filter(layer => typeof layer === 'object' && layer !== null) as readonly LayerEntry[];
  for (const {config: inner} of entries) checkLayers(path, inner);
  // What nothing goes into is an input, and there from the start.
  const made = new Map(entries.map(({name, inbound_nodes: calls}) => [name, listOf(calls).length === 0 ? 1 : 0]));
  let waiting = entries.flatMap(callsOf);
  while (waiting.length > 0) {
    const before = waiting.length;
    // The calls of one layer are made in their order.
    const held = new Set<unknown>();
    waiting = waiting.filter(({layer, follows}) => {
      if (held.has(layer) || !follows.every(([name, call]) => (made.get(name) ?? 0) > call)) {
        held.add(layer);
        return true;
      }
      made.set(layer, (made.get(layer) ?? 0) + 1);
      return false;
    });
    if (waiting.length < before) continue;
    throw new InputError(
      `${path} can't be used: layer ${waiting[0]!.layer} follows one that is not there, or itself. Save it again.`,
    );
  }
}

function callsOf({name, inbound_nodes: calls}: LayerEntry): readonly Call[] {
  return listOf(calls).map(call => ({
    layer: name,
    follows: listOf(call).map(from => [listOf(from)[0], Number(listOf(from)[1] ?? 0)] as const),
  }));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
