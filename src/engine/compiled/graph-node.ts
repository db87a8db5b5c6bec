import type {tf} from '../tf.ts';
import {type Attribute, type Attributes, type Constant, dataTypes} from './attribute.ts';

/** One node of a TensorFlow graph. */
export interface GraphNode {
  readonly name: string;
  readonly operation: string;
  /** Names of nodes, `name:k` for output k; `^name` only waits for a node. */
  readonly inputs: readonly string[];
  readonly attributes: Attributes;
}

/** A node that gives a constant. */
export function constantNode(name: string, constant: Constant): GraphNode {
  const attributes = {dtype: {kind: 'type', value: constant.dtype}, value: {kind: 'tensor', value: constant}} as const;
  return {name, operation: 'Const', inputs: [], attributes};
}

/** The attribute for a type of TensorFlow.js's. */
export function typeOf(dtype: tf.DataType): Attribute {
  return {kind: 'type', value: dataTypes[dtype]};
}
