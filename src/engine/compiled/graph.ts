import type {tf} from '../tf.ts';
import {type Attribute, type Attributes, type Constant, dataTypes} from './binding.ts';
import type {Operation, OperationOutput, Recording, Source} from './recording.ts';

/** A graph in which several recordings share their variables, with the names to use it by. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly variables: readonly GraphVariable[];
  /** Variables that any program assigns. */
  readonly assigned: readonly GraphVariable[];
  /** Fetching it sets every variable to its fed value. */
  readonly start: string;
  readonly programs: readonly GraphProgram[];
}

/** Makes one graph of recordings. Inputs become placeholders. */
export function graphOf(recordings: readonly Recording[]): Graph {
  const used = new Set(recordings.flatMap(({variables}) => [...variables]));
  const assigned = new Set(recordings.flatMap(({assignments}) => [...assignments.keys()]));
  const byVariable = new Map(Array.from(used, (variable, index) => [variable, graphVariable(variable, `v${index}`)]));
  const variables = [...byVariable.values()];
  const start = {
    ...constantNode('start', {kind: 'constant', shape: [], dtype: dataTypes.int32, values: Int32Array.of(0)}),
    inputs: variables.map(({start}) => `^${start}`),
  };
  const writers = recordings.map((recording, index) => new ProgramWriter(recording, byVariable, `p${index}`));
  const programs = writers.map(writer => writer.write());
  return {
    nodes: [...variables.flatMap(variableNodes), start, ...writers.flatMap(({nodes}) => nodes)],
    variables,
    assigned: variables.filter(({variable}) => assigned.has(variable)),
    start: start.name,
    programs,
  };
}

/** The names to use the program of a recording by. */
interface GraphProgram {
  /** Placeholders, one for each of the recording's inputs, joined by commas. */
  readonly inputs: string;
  /** Fetching it runs everything, assignments included. */
  readonly result: string;
}

/** Writes the nodes of one recording. All of their names begin with a prefix. */
class ProgramWriter {
  readonly nodes: GraphNode[] = [];
  readonly #recording: Recording;
  readonly #variables: ReadonlyMap<tf.Variable, GraphVariable>;
  readonly #prefix: string;
  readonly #constants = new Map<Constant, string>();
  /** Variables whose earlier value is used, so that it must be read before they change. */
  readonly #read: ReadonlySet<tf.Variable>;
  /** Nodes that must run before the result is given. */
  readonly #effects: string[] = [];

  constructor(recording: Recording, variables: ReadonlyMap<tf.Variable, GraphVariable>, prefix: string) {
    this.#recording = recording;
    this.#variables = variables;
    this.#prefix = prefix;
    this.#read = new Set(this.#values().flatMap(value => (value.kind === 'variable' ? [value.variable] : [])));
  }

  write(): GraphProgram {
    const {inputs, operations, assignments, result} = this.#recording;
    for (const {index, shape, dtype} of inputs) {
      const attributes = {dtype: typeOf(dtype), shape: {kind: 'shape', value: shape}} as const;
      this.#add(`input${index}`, 'Placeholder', [], attributes);
    }
    for (const [index, operation] of operations.entries()) {
      if (operation.updates > 0) this.#addUpdate(index, operation);
      else this.#addOperation(index, operation);
    }
    for (const [variable, source] of assignments) {
      if (this.#updated(source) !== variable) this.#effects.push(`^${this.#addAssignment(variable, source)}`);
    }
    return {
      inputs: inputs.map(input => this.#reference(input)).join(),
      result: this.#add('result', 'Identity', [this.#reference(result), ...this.#effects], {T: typeOf('float32')}),
    };
  }

  #addOperation(index: number, {name, inputs, attributes}: Operation): void {
    const references = inputs.map(input => this.#reference(input));
    this.#add(operationName(index, name), name, references, attributes);
  }

  /** Adds an operation that changes variables in place. Its inputs for their old values are assigned to them first. */
  #addUpdate(index: number, {name, inputs, attributes, updates}: Operation): void {
    const targets = inputs
      .slice(0, updates)
      .map((_, output) => this.#updated({kind: 'output', operation: index, output})!);
    const handles = targets.map(target => this.#variables.get(target)!.handle);
    const before = targets.flatMap((target, index) =>
      isValueOf(target, inputs[index]!)
        ? this.#afterReading(target)
        : [`^${this.#addAssignment(target, inputs[index]!)}`],
    );
    const others = inputs.slice(updates).map(input => this.#reference(input));
    const update = this.#add(operationName(index, name), name, [...handles, ...others, ...before], attributes);
    this.#effects.push(`^${update}`);
    for (const [output, handle] of handles.entries()) {
      this.#add(updatedName(index, output), 'ReadVariableOp', [handle, `^${update}`], {dtype: typeOf('float32')});
    }
  }

  #addAssignment(variable: tf.Variable, source: Source): string {
    const {handle} = this.#variables.get(variable)!;
    const inputs = [handle, this.#reference(source), ...this.#afterReading(variable)];
    return this.#add(`assign_${handle}`, 'AssignVariableOp', inputs, {dtype: typeOf(variable.dtype)});
  }

  /** A reader of a variable keeps the value, even if the variable changes later. */
  #afterReading(variable: tf.Variable): string[] {
    return this.#read.has(variable) ? [`^${this.#variables.get(variable)!.read}`] : [];
  }

  /** All sources, except values that an operation changes in place. */
  #values(): Source[] {
    const {operations, assignments, result} = this.#recording;
    const taken = operations.flatMap(({inputs, updates}, operation) =>
      inputs.filter((input, output) => {
        const target = output < updates && this.#updated({kind: 'output', operation, output});
        return !(target && isValueOf(target, input));
      }),
    );
    return [...taken, ...assignments.values(), result];
  }

  /** The variable that an operation changes in place to this value. */
  #updated(value: Source): tf.Variable | undefined {
    const {operations, assignments} = this.#recording;
    if (value.kind !== 'output' || operations[value.operation]!.updates === 0) return undefined;
    const ends = [...assignments].filter(([, {kind}]) => kind === 'output') as [tf.Variable, OperationOutput][];
    return ends.find(([, end]) => end.operation === value.operation && end.output === value.output)?.[0];
  }

  #add(name: string, operation: string, inputs: readonly string[], attributes: Attributes): string {
    const full = `${this.#prefix}/${name}`;
    this.nodes.push({name: full, operation, inputs, attributes});
    return full;
  }

  #reference(source: Source): string {
    switch (source.kind) {
      case 'input':
        return `${this.#prefix}/input${source.index}`;
      case 'variable':
        return this.#variables.get(source.variable)!.read;
      case 'output': {
        const {name, updates} = this.#recording.operations[source.operation]!;
        if (updates > 0) return `${this.#prefix}/${updatedName(source.operation, source.output)}`;
        return `${this.#prefix}/${operationName(source.operation, name)}${source.output ? `:${source.output}` : ''}`;
      }
      case 'constant':
        return this.#constant(source);
    }
  }

  #constant(constant: Constant): string {
    const known = this.#constants.get(constant);
    if (known !== undefined) return known;
    const name = `${this.#prefix}/constant${this.#constants.size}`;
    this.nodes.push(constantNode(name, constant));
    this.#constants.set(constant, name);
    return name;
  }
}

const isValueOf = (variable: tf.Variable, source: Source): boolean =>
  source.kind === 'variable' && source.variable === variable;
const updatedName = (operation: number, output: number): string => `${operation}_updated${output}`;
const operationName = (index: number, operation: string): string => `${index}_${operation}`;

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
