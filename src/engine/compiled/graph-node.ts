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

/** The attribute for a type of TensorFlow.js. */
export function typeOf(dtype: tf.DataType): Attribute {
  return {kind: 'type', value: dataTypes[dtype]};
}

/** A variable of TensorFlow.js, with the names of its nodes in a graph. */
export interface GraphVariable {
  readonly variable: tf.Variable;
  readonly handle: string;
  /** Its present value. */
  readonly read: string;
  /** Placeholder of a new value. */
  readonly value: string;
  /** Sets it to that value. */
  readonly start: string;
}

/** Names the nodes of a variable. */
export function graphVariable(variable: tf.Variable, handle: string): GraphVariable {
  return {variable, handle, read: `${handle}_read`, value: `${handle}_value`, start: `${handle}_start`};
}

/** The nodes of a variable. Its value lives in the session that runs the graph. */
export function variableNodes({variable, handle, read, value, start}: GraphVariable): GraphNode[] {
  const dtype = typeOf(variable.dtype);
  const shape: Attribute = {kind: 'shape', value: variable.shape};
  const copy = `${handle}_copy`;
  return [
    {
      name: handle,
      operation: 'VarHandleOp',
      inputs: [],
      attributes: {dtype, shape, shared_name: {kind: 'string', value: handle}},
    },
    {name: read, operation: 'ReadVariableOp', inputs: [handle], attributes: {dtype}},
    {name: value, operation: 'Placeholder', inputs: [], attributes: {dtype, shape}},
    // The fed value can be memory of JavaScript, which no other thread must be the last to release.
    {name: copy, operation: 'Snapshot', inputs: [value], attributes: {T: dtype}},
    {name: start, operation: 'AssignVariableOp', inputs: [handle, copy], attributes: {dtype}},
  ];
}
