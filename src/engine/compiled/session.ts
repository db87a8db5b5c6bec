import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {tf} from '../tf.ts';
import type {NativeBackend} from './binding.ts';
import type {Graph} from './graph.ts';
import {GRAPH_TAG, savedModel} from './saved-model.ts';

const open = new Set<Session>();

/** Brings variables up to date with what all graphs made of them. */
export function syncSessions(): void {
  for (const session of open) session.sync();
}

/** A graph loaded into TensorFlow, with values of its variables of its own. */
export class Session {
  readonly #backend: NativeBackend;
  readonly #graph: Graph;
  readonly #id: number;
  /** What each variable held when both sides were last the same. */
  readonly #held = new Map<tf.Variable, object>();
  /** Whether a run has changed the session's values since then. */
  #isAhead = false;

  /** @throws Error where TensorFlow refuses the graph */
  constructor(backend: NativeBackend, graph: Graph) {
    this.#backend = backend;
    this.#graph = graph;
    this.#id = load(backend, graph);
    open.add(this);
  }

  /**
   * Runs one program. Variables that were assigned outside since the last run go in first.
   *
   * @throws Error where a variable is disposed
   */
  run(program: number, inputs: readonly tf.Tensor[]): tf.Tensor {
    if (this.#graph.variables.some(({variable}) => this.#wasAssigned(variable))) this.#bringIn();
    const {inputs: names, result} = this.#graph.programs[program]!;
    this.#isAhead = true;
    return this.#fetch(inputs, names, [result])[0]!;
  }

  /** Brings the variables up to date. Values that were assigned outside since the last run stay. */
  sync(): void {
    if (!this.#isAhead) return;
    this.#isAhead = false;
    const stale = this.#graph.assigned.filter(({variable}) => !this.#wasAssigned(variable));
    if (stale.length === 0) return;
    tf.tidy(() => {
      const values = this.#fetch(
        [],
        '',
        stale.map(({read}) => read),
      );
      for (const [index, {variable}] of stale.entries()) {
        variable.assign(values[index]!);
        this.#held.set(variable, variable.dataId);
      }
    });
  }

  close(): void {
    open.delete(this);
    this.#backend.binding.deleteSavedModel(this.#id);
  }

  #wasAssigned(variable: tf.Variable): boolean {
    return variable.isDisposed || this.#held.get(variable) !== variable.dataId;
  }

  #bringIn(): void {
    this.sync();
    const {variables, start} = this.#graph;
    const tensors = variables.map(({variable}) => variable);
    for (const tensor of tensors) tensor.throwIfDisposed();
    tf.dispose(this.#fetch(tensors, variables.map(({value}) => value).join(), [start]));
    for (const variable of tensors) this.#held.set(variable, variable.dataId);
  }

  #fetch(inputs: readonly tf.Tensor[], inputNames: string, outputNames: readonly string[]): tf.Tensor[] {
    const ids = this.#backend.getInputTensorIds(inputs);
    const outputs = this.#backend.binding.runSavedModel(this.#id, ids, inputNames, outputNames.join());
    return outputs.map(output => this.#backend.createOutputTensor(output));
  }
}

/** TensorFlow's C API takes a graph with variables from a folder only. */
function load({binding}: NativeBackend, {nodes}: Graph): number {
  const folder = mkdtempSync(join(tmpdir(), `limbeck-graph-${process.pid}-`));
  try {
    writeFileSync(join(folder, 'saved_model.pb'), savedModel(nodes));
    return binding.loadSavedModel(folder, GRAPH_TAG);
  } finally {
    rmSync(folder, {recursive: true});
  }
}
