import type {Graph, GraphNumbers, GraphTensor, GraphValues} from '../../src/engine/graphs/graph.ts';
import {layers, tf} from '../../src/engine/tf.ts';

type Layer = layers.layers.Layer;
type Shape = readonly (number | null)[];

/** A tensor that a layers model can give. */
interface Point extends GraphTensor {
  readonly symbol: layers.SymbolicTensor;
  /** Applied to the tensor's values. */
  readonly convert?: (value: tf.Tensor) => tf.Tensor;
}

/** A layers model of TensorFlow.js as a graph. Each of its layers can be asked for, by its name. */
export class LayersGraph implements Graph {
  readonly inputs: readonly GraphTensor[];
  readonly outputs: readonly GraphTensor[];
  readonly #model: layers.LayersModel;
  readonly #points: ReadonlyMap<string, Point>;
  /** Models that give some of the layers, by the names of these. */
  readonly #views = new Map<string, layers.LayersModel>();

  constructor(model: layers.LayersModel) {
    this.#model = model;
    this.inputs = model.inputs.map(({name, shape}) => ({name, dtype: 'float32', shape}));
    const outputs = model.outputs.map((symbol, index) => pointOf(model.outputNames[index]!, symbol));
    const hidden = model.layers
      .filter(layer => layer.inboundNodes.length === 1 && !Array.isArray(layer.output))
      .filter(layer => layer.getClassName() !== 'InputLayer')
      .map(layer => pointOf(layer.name, layer.output as layers.SymbolicTensor));
    const before = outputs.flatMap(({name, symbol}) => beforeActivation(name, symbol.sourceLayer) ?? []);
    this.outputs = outputs;
    this.#points = new Map([...before, ...hidden, ...outputs].map(point => [point.name, point]));
  }

  get names(): readonly string[] {
    return [...this.#points.keys()];
  }

  find(name: string): GraphTensor | undefined {
    return this.#points.get(name);
  }

  open(): void {}

  async run(_: GraphTensor, {shape, data}: GraphValues, names: readonly string[]): Promise<readonly GraphNumbers[]> {
    const points = names.map(name => this.#points.get(name)!);
    // TensorFlow.js refuses a model that gives one tensor twice.
    const symbols = [...new Set(points.map(({symbol}) => symbol))];
    const model = this.#viewOf(symbols);
    const given = tf.tidy(() => {
      const values = [model.apply(tf.tensor(Float32Array.from(data as Float32Array), [...shape]), {training: false})];
      const flat = values.flat() as tf.Tensor[];
      return points.map(({symbol, convert = same}) => tf.cast(convert(flat[symbols.indexOf(symbol)]!), 'float32'));
    });
    try {
      return given.map(tensor => ({shape: tensor.shape, data: tensor.dataSync<'float32'>()}));
    } finally {
      tf.dispose(given);
    }
  }

  #viewOf(symbols: readonly layers.SymbolicTensor[]): layers.LayersModel {
    const key = symbols.map(({id}) => id).join();
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    const view = layers.model({inputs: this.#model.inputs, outputs: [...symbols], name: `${this.#model.name}_outputs`});
    this.#views.set(key, view);
    return view;
  }
}

const same = (value: tf.Tensor): tf.Tensor => value;

function pointOf(name: string, symbol: layers.SymbolicTensor): Point {
  return {name, symbol, dtype: 'float32', shape: symbol.shape as Shape};
}

/** The last activation of an output: the name of its input in the graph; undefined if it is no softmax or sigmoid. */
export function activationOf(model: layers.LayersModel, output: string): Activation | undefined {
  const layer = model.outputs[model.outputNames.indexOf(output)]?.sourceLayer;
  const kind = layer && kindOf(layer);
  return layer && kind && beforeActivation(output, layer) ? {kind, input: inputName(output)} : undefined;
}

/** An activation that makes probabilities of logits. */
export interface Activation {
  readonly kind: 'softmax' | 'sigmoid';
  /** The name of the tensor that it takes. */
  readonly input: string;
}

function kindOf(layer: Layer): Activation['kind'] | undefined {
  if (layer.getClassName() === 'Softmax') return 'softmax';
  const {activation} = layer.getConfig();
  return activation === 'softmax' || activation === 'sigmoid' ? activation : undefined;
}

/** No layer has a name with a colon. */
function inputName(output: string): string {
  return `${output}:logits`;
}

/** The input of a layer's activation, which is a layer of its own or belongs to a dense layer. */
function beforeActivation(output: string, layer: Layer): Point | undefined {
  if (kindOf(layer) === undefined) return undefined;
  const symbol = layer.getInputAt(0) as layers.SymbolicTensor;
  const shape = layer.outputShape as Shape;
  const point = {name: inputName(output), symbol, dtype: 'float32', shape};
  if (layer.getClassName() === 'Softmax' || layer.getClassName() === 'Activation') return point;
  return layer.getClassName() === 'Dense' ? {...point, convert: value => withoutActivation(layer, value)} : undefined;
}

function withoutActivation(dense: Layer, value: tf.Tensor): tf.Tensor {
  const [kernel, bias] = dense.weights.map(weight => weight.read());
  const product = tf.matMul(value as tf.Tensor2D, kernel as tf.Tensor2D);
  return bias === undefined ? product : tf.add(product, bias);
}
