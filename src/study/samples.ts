import {crc32, deflateSync} from 'node:zlib';
import {type Distributions, distributionsOf} from '../data/arrays.ts';
import {decodeImages} from '../data/decode-images.ts';
import {type Inputs, inputAt, selectInputs} from '../data/inputs.ts';
import {textOf} from '../input-kinds.ts';
import type {Input, TensorInput} from '../teacher.ts';
import type {Run} from './measure.ts';
import type {Reference} from './reference.ts';
import type {Results} from './results.ts';

/** Inputs of the test split with what was said about them, for the report. `results.json` does not hold them. */
export interface Samples {
  /** Inputs that they were taken from. */
  readonly total: number;
  /** The one about which the methods disagree most comes first. */
  readonly inputs: readonly SampledInput[];
}

export interface SampledInput {
  /** Index in the test split. */
  readonly index: number;
  readonly input: ShownInput;
  /** The true class; undefined if nobody knows it. */
  readonly truth: number | undefined;
  readonly teacher: Said;
  /** One for each method of the results, by its student of the first seed. */
  readonly students: readonly Said[];
}

/** A class that was named, and its probability if that is known. */
export interface Said {
  readonly label: number;
  readonly confidence: number | undefined;
}

/** An input as a page can show it. */
export type ShownInput =
  | {readonly kind: 'text'; readonly text: string}
  | {readonly kind: 'image'; readonly url: string; readonly width: number; readonly height: number}
  | {readonly kind: 'numbers'; readonly values: readonly number[]; readonly total: number};

interface SampleOptions {
  /** The test split. */
  readonly inputs: Inputs;
  readonly reference: Pick<Reference, 'rows' | 'labels' | 'distributions' | 'truth'>;
  readonly results: Pick<Results, 'truth' | 'classes' | 'methods'>;
  readonly runs: readonly Pick<Run, 'row' | 'logits'>[];
}

/** The answers of a model to all inputs. */
interface Answers {
  /** [answered, classes] */
  readonly logProbabilities: Distributions['logProbabilities'] | undefined;
  /** [answered] */
  readonly named: Int32Array;
}

/** The most inputs that a report shows. */
export const MOST_SAMPLES = 200;
/** The most characters that they take in the page, about. */
const MOST_CHARACTERS = 1_000_000;
/** Of what a page says about one method. */
const SAID_CHARACTERS = 130;
const LONGEST_TEXT = 600;
const MOST_NUMBERS = 60;
/** Pixels of the longest side of an image. */
const LONGEST_SIDE = 64;

/**
 * The inputs that show most: those on which students differ from the teacher or from each other. Half of them are shared
 * equally among the classes, and among the sets of methods that differ. They are fewer if they would make the page large.
 */
export async function samplesOf(options: SampleOptions): Promise<Samples> {
  const {inputs, reference, results, runs} = options;
  const {methods} = results;
  const classes = results.classes.length;
  const isLabelled = results.truth === 'labels';
  const {rows, labels, truth, distributions} = reference;
  const students = methods.map(({level, method}) => {
    const run = runs.find(({row}) => row.level === level && row.method === method)!;
    return distributionsOf(run.logits, classes);
  });
  const teacher = {logProbabilities: distributions?.logProbabilities, named: labels};
  const disagreement = Array.from(labels, (label, at) => {
    const named = students.map(student => student.named[at]!);
    const apart = named.filter(one => one !== label).length + new Set(named).size - 1;
    const doubt = students.map(({logProbabilities}) => 1 - Math.exp(logProbabilities[at * classes + label]!));
    return apart + doubt.reduce((sum, value) => sum + value, 0) / (doubt.length + 1);
  });
  let characters = 0;
  const sampled: SampledInput[] = [];
  const differing = Array.from(labels, (label, at) => students.map(({named}) => Number(named[at] !== label)).join(''));
  const shown = chosen(disagreement, [[...(isLabelled ? truth : labels)], differing]);
  const seen = await shownRows(
    inputs,
    shown.map(at => rows[at]!),
  );
  const show = showing(seen);
  for (const [index, at] of shown.entries()) {
    const input = show(inputAt(seen, index));
    characters += sizeOf(input) + SAID_CHARACTERS * (1 + methods.length);
    if (characters > MOST_CHARACTERS && sampled.length > 0) break;
    const said = ({logProbabilities, named}: Answers): Said => {
      const label = named[at]!;
      return {label, confidence: logProbabilities && Math.exp(logProbabilities[at * classes + label]!)};
    };
    const known = isLabelled ? truth[at] : undefined;
    sampled.push({index: rows[at]!, input, truth: known, teacher: said(teacher), students: students.map(said)});
  }
  const disagreementOf = new Map(Array.from(rows, (row, at) => [row, disagreement[at]!]));
  return {
    total: rows.length,
    inputs: sampled.toSorted((a, b) => disagreementOf.get(b.index)! - disagreementOf.get(a.index)!),
  };
}

/** Indices of inputs: those with most disagreement of each group, and then of all. */
function chosen(disagreement: readonly number[], groups: readonly (readonly (number | string)[])[]): readonly number[] {
  const order = disagreement.map((_, at) => at).toSorted((a, b) => disagreement[b]! - disagreement[a]!);
  const shares = groups.flatMap(group => {
    const share = Math.max(1, Math.floor(MOST_SAMPLES / 2 / groups.length / new Set(group).size));
    const taken = new Map<number | string, number>();
    return order.filter(at => {
      const before = taken.get(group[at]!) ?? 0;
      taken.set(group[at]!, before + 1);
      return before < share;
    });
  });
  return [...new Set([...shares, ...order])].slice(0, MOST_SAMPLES);
}

/** These inputs, small if they are images. */
async function shownRows(inputs: Inputs, rows: readonly number[]): Promise<Inputs> {
  const some = selectInputs(inputs, rows);
  if (some.kind !== 'image') return some;
  return decodeImages(some.images, {kind: 'image', height: LONGEST_SIDE, width: LONGEST_SIDE, channels: 3});
}

function showing(inputs: Inputs): (input: Input) => ShownInput {
  if (inputs.kind !== 'tensor' || inputs.dtype === 'uint8') return input => shown(input, [0, 255]);
  // Pixels of one scale for all.
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of inputs.data) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return input => shown(input, [low, high]);
}

function shown(input: Input, scale: readonly [number, number]): ShownInput {
  const text = textOf(input);
  if (text !== undefined) {
    const characters = [...text];
    const isWhole = characters.length <= LONGEST_TEXT;
    return {kind: 'text', text: isWhole ? text : `${characters.slice(0, LONGEST_TEXT).join('')}…`};
  }
  const tensor = input as TensorInput;
  const pixels = pixelsOf(tensor, scale);
  if (pixels === undefined) {
    const {data} = tensor;
    return {kind: 'numbers', values: Array.from(data.subarray(0, MOST_NUMBERS)), total: data.length};
  }
  const {width, height} = pixels;
  return {kind: 'image', url: `data:image/png;base64,${encodePng(pixels).toString('base64')}`, width, height};
}

/** The pixels of a tensor [height, width, channels], every n-th if it is large; undefined if it is none. */
function pixelsOf({shape, data}: TensorInput, [low, high]: readonly [number, number]): Pixels | undefined {
  const [rows, columns, channels] = shape;
  if (shape.length !== 3 || rows! < 4 || columns! < 4 || (channels !== 1 && channels !== 3 && channels !== 4))
    return undefined;
  const stride = Math.ceil(Math.max(rows!, columns!) / LONGEST_SIDE);
  const [height, width] = [Math.ceil(rows! / stride), Math.ceil(columns! / stride)];
  const range = high - low || 1;
  const bytes = Uint8Array.from({length: height * width * channels}, (_, at) => {
    const [channel, pixel] = [at % channels, Math.floor(at / channels)];
    const [row, column] = [stride * Math.floor(pixel / width), stride * (pixel % width)];
    return Math.round((255 * (data[(row * columns! + column) * channels + channel]! - low)) / range);
  });
  return {width, height, channels, data: bytes};
}

/** Characters that it takes in a page. */
function sizeOf(input: ShownInput): number {
  if (input.kind === 'text') return input.text.length;
  return input.kind === 'image' ? input.url.length : 8 * input.values.length;
}

/** Pixels of an image, row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** 1 for grey, 3 for red, green and blue, 4 with opacity. */
  readonly channels: 1 | 3 | 4;
  /** width × height × channels values from 0 to 255. */
  readonly data: Uint8Array;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOUR_TYPES = {1: 0, 3: 2, 4: 6} as const;

/** An image as a PNG file (ISO/IEC 15948): 8 bits a channel, no filter. */
export function encodePng({width, height, channels, data}: Pixels): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, COLOUR_TYPES[channels], 0, 0, 0], 8);
  const length = width * channels;
  // Each row begins with the number of its filter: 0 for none.
  const rows = Buffer.alloc(height * (length + 1));
  for (let row = 0; row < height; row++) {
    rows.set(data.subarray(row * length, (row + 1) * length), row * (length + 1) + 1);
  }
  const end = Buffer.alloc(0);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, {level: 9})),
    chunk('IEND', end),
  ]);
}

/** Length, type, content and checksum. */
function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
