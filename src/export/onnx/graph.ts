import {PbfWriter} from 'pbf';

/** ONNX's numbers of element types, by the names of the arrays that hold them. Field numbers are those of `onnx.proto`. */
const ELEMENT_TYPES = {float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7} as const;

export type ElementType = keyof typeof ELEMENT_TYPES;

/** The operators of ONNX 1.13 (2022). */
const OPERATORS = 18;
/** The version of the file format that came with them. */
const FORMAT = 8;

/** An input or output of a graph. A length that differs from run to run has a name. */
export interface Port {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** An integer, a list of integers, a text, or a real number. */
export type Attribute = number | readonly number[] | string | {readonly real: number};

type Values = Float32Array | Int8Array | Int32Array | BigInt64Array;

interface Constant {
  readonly shape: readonly number[];
  readonly values: Values;
}

interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Facts about a model that its file carries. */
export interface About {
  readonly name: string;
  readonly producer: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A graph of ONNX that grows node by node, in the order in which the nodes run. */
export class OnnxGraph {
  readonly #inputs: Port[] = [];
  readonly #outputs: Port[] = [];
  readonly #constants = new Map<string, Constant>();
  readonly #nodes: Node[] = [];
  readonly #names: Set<string>;

  /** @param ports - names of inputs and outputs, which no other tensor gets */
  constructor(ports: readonly string[]) {
    this.#names = new Set(ports);
  }

  input(port: Port): void {
    this.#inputs.push(port);
  }

  /** Makes a tensor an output, under the name of the port. */
  output(tensor: string, port: Port): void {
    this.#nodes.push({operator: 'Identity', inputs: [tensor], output: port.name, attributes: {}});
    this.#outputs.push(port);
  }

  /**
   * Adds an operation.
   *
   * @param name - for its output; gets a number if another tensor has it
   * @returns the name of its output
   */
  node(
    operator: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    const output = this.#unused(name);
    this.#nodes.push({operator, inputs, output, attributes});
    return output;
  }

  /** @returns the name of a tensor that never changes */
  constant(name: string, values: Values, shape: readonly number[]): string {
    const own = this.#unused(name);
    this.#constants.set(own, {values, shape});
    return own;
  }

  integers(name: string, values: readonly number[]): string {
    return this.constant(name, BigInt64Array.from(values, BigInt), [values.length]);
  }

  number(name: string, value: number): string {
    return this.constant(name, Float32Array.of(value), []);
  }

  /** The content of the file. */
  bytes({name, producer, version, metadata}: About): Uint8Array {
    const to = new PbfWriter();
    to.writeVarintField(1, FORMAT);
    to.writeStringField(2, producer);
    to.writeStringField(3, version);
    to.writeMessage(7, (_, graph) => this.#write(name, graph), undefined);
    to.writeMessage(8, (_, operators) => operators.writeVarintField(2, OPERATORS), undefined);
    for (const entry of Object.entries(metadata)) to.writeMessage(14, writeEntry, entry);
    return to.finish();
  }

  #write(name: string, to: PbfWriter): void {
    for (const node of this.#nodes) to.writeMessage(1, writeNode, node);
    to.writeStringField(2, name);
    for (const constant of this.#constants) to.writeMessage(5, writeConstant, constant);
    for (const port of this.#inputs) to.writeMessage(11, writePort, port);
    for (const port of this.#outputs) to.writeMessage(12, writePort, port);
  }

  #unused(name: string): string {
    let own = name;
    for (let number = 2; this.#names.has(own); number++) own = `${name}_${number}`;
    this.#names.add(own);
    return own;
  }
}

function writeEntry([key, value]: readonly [key: string, value: string], to: PbfWriter): void {
  to.writeStringField(1, key);
  to.writeStringField(2, value);
}

function writeNode({operator, inputs, output, attributes}: Node, to: PbfWriter): void {
  for (const input of inputs) to.writeStringField(1, input);
  to.writeStringField(2, output);
  to.writeStringField(3, output);
  to.writeStringField(4, operator);
  for (const attribute of Object.entries(attributes)) to.writeMessage(5, writeAttribute, attribute);
}

function writeAttribute([name, value]: readonly [name: string, value: Attribute], to: PbfWriter): void {
  to.writeStringField(1, name);
  if (typeof value === 'number') {
    to.writeVarintField(3, value);
    to.writeVarintField(20, 2);
  } else if (typeof value === 'string') {
    to.writeBytesField(4, Buffer.from(value));
    to.writeVarintField(20, 3);
  } else if ('real' in value) {
    to.writeFloatField(2, value.real);
    to.writeVarintField(20, 1);
  } else {
    for (const integer of value) to.writeVarintField(8, integer);
    to.writeVarintField(20, 7);
  }
}

function writeConstant([name, {shape, values}]: readonly [name: string, constant: Constant], to: PbfWriter): void {
  for (const length of shape) to.writeVarintField(1, length);
  to.writeVarintField(2, ELEMENT_TYPES[typeOf(values)]);
  to.writeStringField(8, name);
  // Little-endian, as all machines are that TensorFlow.js runs on.
  to.writeBytesField(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

function typeOf(values: Values): ElementType {
  if (values instanceof Float32Array) return 'float32';
  if (values instanceof Int8Array) return 'int8';
  return values instanceof Int32Array ? 'int32' : 'int64';
}

function writePort({name, type, shape}: Port, to: PbfWriter): void {
  to.writeStringField(1, name);
  to.writeMessage(2, (_, valueType) => valueType.writeMessage(1, writeTensorType, {type, shape}), undefined);
}

function writeTensorType({type, shape}: Pick<Port, 'type' | 'shape'>, to: PbfWriter): void {
  to.writeVarintField(1, ELEMENT_TYPES[type]);
  to.writeMessage(2, writeShape, shape);
}

function writeShape(shape: Port['shape'], to: PbfWriter): void {
  for (const length of shape) {
    to.writeMessage(
      1,
      (value, dimension) =>
        typeof value === 'number' ? dimension.writeVarintField(1, value) : dimension.writeStringField(2, value),
      length,
    );
  }
}

/** ONNX's number of a type, which `Cast` takes. */
export function elementType(type: ElementType): number {
  return ELEMENT_TYPES[type];
}
