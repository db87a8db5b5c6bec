import {KeptRows, type SparseRows, type Thinning} from '../data/sparse-rows.ts';
import {type BagReading, isBag, readBags} from '../data/text-reading.ts';
import {type layers, tf} from '../engine/tf.ts';
import {activationsOf, type Forward} from './forward.ts';
import type {Student} from './student.ts';

type Layer = layers.layers.Layer;

/**
 * The first dense layer of a student whose inputs are sparse rows. Instead of a product with a row that is mostly zeros,
 * it adds up the rows of its kernel that count (Joulin et al. 2016, Bag of tricks for efficient text classification,
 * section 2.1).
 */
export interface EmbeddingBag {
  /** [columns, units] */
  readonly kernel: tf.Variable;
  readonly units: number;
  read(texts: readonly string[]): SparseRows;
  /** `read` of texts that training reads again and again. They are kept as long as the reading, which students share. */
  readKept(texts: readonly string[], thinning?: Thinning): SparseRows;
  /** The rest of the student: takes the sums of the kernel's rows, [batch, units]. */
  outputsOf(layerNames: readonly string[]): Forward;
}

const bags = new WeakMap<Student, EmbeddingBag | undefined>();

/** The embedding bag of a student; undefined if it has none. */
export function embeddingBagOf(student: Student): EmbeddingBag | undefined {
  if (!bags.has(student)) bags.set(student, bagOf(student));
  return bags.get(student);
}

function bagOf(student: Student): EmbeddingBag | undefined {
  const {reading, model, preprocessing} = student;
  if (!isBag(reading) || Object.keys(preprocessing).length > 0) return undefined;
  const [, first, ...rest] = model.layers;
  const activation = first && ACTIVATIONS[String(first.getConfig()['activation'])];
  if (first?.getClassName() !== 'Dense' || activation === undefined || !isChain(model)) return undefined;
  const [kernel, bias] = first.weights.map(weight => weight.read() as tf.Variable);
  return {
    kernel: kernel!,
    units: kernel!.shape[1]!,
    read: texts => readBags(texts, reading),
    readKept: (texts, thinning) => keptFor(reading).read(texts, others => readBags(others, reading), thinning),
    outputsOf: layerNames =>
      activationsOf(student, layerNames, (sums, {training}) => {
        let value = activation(bias === undefined ? sums : tf.add(sums, bias));
        const values = new Map([[first.name, value]]);
        for (const layer of rest) {
          value = layer.apply(value, {training}) as tf.Tensor;
          values.set(layer.name, value);
        }
        return ({sourceLayer}) => values.get(sourceLayer.name)!;
      }),
  };
}

const kept = new WeakMap<BagReading, KeptRows>();

function keptFor(reading: BagReading): KeptRows {
  const known = kept.get(reading) ?? new KeptRows();
  kept.set(reading, known);
  return known;
}

/** The activations of a first layer that are computed here. */
const ACTIVATIONS: Readonly<Record<string, (value: tf.Tensor) => tf.Tensor>> = {
  relu: value => tf.relu(value),
  linear: value => value,
};

/** True if each layer takes the output of the one before. */
function isChain({layers: all}: layers.LayersModel): boolean {
  return all.slice(1).every((layer, index) => {
    const [node, ...others] = layer.inboundNodes;
    return others.length === 0 && node!.inboundLayers.length === 1 && node!.inboundLayers[0] === (all[index] as Layer);
  });
}

interface Read {
  readonly dataId: object;
  readonly values: Float32Array;
}

const kernels = new WeakMap<tf.Variable, Read>();

/** The values of a kernel, read again if it was assigned. */
function valuesOf(kernel: tf.Variable): Float32Array {
  const {dataId} = kernel;
  const known = kernels.get(kernel);
  if (known?.dataId === dataId) return known.values;
  const values = kernel.dataSync<'float32'>();
  kernels.set(kernel, {dataId, values});
  return values;
}

/** The sums of the kernel's rows that each input counts, times its value, [rows, units]. */
export function sumsOf({kernel, units}: EmbeddingBag, rows: SparseRows): tf.Tensor2D {
  const values = valuesOf(kernel);
  const {count, starts, values: scales} = rows;
  const sums = new Float32Array(count * units);
  const ofFours = units - (units % 4);
  for (let row = 0; row < count; row++) {
    const columns = rows.columns.subarray(starts[row], starts[row + 1]);
    const own = sums.subarray(row * units, (row + 1) * units);
    const scale = scales[row]!;
    for (let unit = 0; unit < ofFours; unit += 4) addFour({values, columns, units, unit, scale}, own);
    for (let unit = ofFours; unit < units; unit++) addOne({values, columns, units, unit, scale}, own);
  }
  return tf.tensor2d(sums, [count, units]);
}

/** A unit of a kernel, some of whose rows are added up. */
interface UnitSum {
  /** [columns, units] */
  readonly values: Float32Array;
  /** Those that are added up. */
  readonly columns: Int32Array;
  readonly units: number;
  readonly unit: number;
  readonly scale: number;
}

/** The sums of a unit and of the next three: what is read of a row stands together. */
function addFour({values, columns, units, unit, scale}: UnitSum, sums: Float32Array): void {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  for (let at = 0; at < columns.length; at++) {
    const start = columns[at]! * units + unit;
    first += values[start]!;
    second += values[start + 1]!;
    third += values[start + 2]!;
    fourth += values[start + 3]!;
  }
  sums[unit] = scale * first;
  sums[unit + 1] = scale * second;
  sums[unit + 2] = scale * third;
  sums[unit + 3] = scale * fourth;
}

function addOne({values, columns, units, unit, scale}: UnitSum, sums: Float32Array): void {
  let sum = 0;
  for (let at = 0; at < columns.length; at++) sum += values[columns[at]! * units + unit]!;
  sums[unit] = scale * sum;
}
