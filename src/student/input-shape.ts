import type {layers} from '../engine/tf.ts';

/** Shape of one input. A dimension of variable length is null. */
export function inputShapeOf(model: layers.LayersModel): readonly (number | null)[] {
  return model.inputs[0]!.shape.slice(1);
}

/** Formats a shape for messages. */
export function shown(shape: readonly (number | null)[]): string {
  return `[${shape.map(length => length ?? '?').join(', ')}]`;
}
