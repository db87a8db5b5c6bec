import {softmaxRows} from '../../data/arrays.ts';
import {sizeOf, type TensorInputs} from '../../data/inputs.ts';
import {randomInteger, randomNormals, seededRandom} from '../../data/random.ts';
import {readsPlainTexts} from '../../data/reading.ts';
import {readTexts} from '../../data/text-reading.ts';
import {outputWidth} from '../../student/forward.ts';
import {columnsOf, headsOf} from '../../student/head-columns.ts';
import {inputShapeOf} from '../../student/input-shape.ts';
import type {Preprocessing} from '../../student/preprocessing.ts';
import type {Student} from '../../student/student.ts';
import {leastPadding} from '../../student/subword-cnn.ts';
import {paddedTexts} from './padded-texts.ts';
import type {StudentGraph} from './student-graph.ts';

/** Inputs on which an export is tried. */
export interface Samples {
  /** What the student's preprocessing takes. */
  readonly raw: TensorInputs;
  /** The texts that were read, if the student reads texts without an encoder. */
  readonly texts?: readonly string[];
}

/** Number of inputs of a student of numbers. */
const COUNT = 16;
/** The length of an axis that is not fixed. */
const OPEN_LENGTH = 12;

/** Texts for a student of texts, random numbers of the right size for others. The same student has the same samples. */
export function samplesFor(student: Student): Samples {
  const {reading, model} = student;
  if (readsPlainTexts(reading)) return {raw: readTexts(TEXTS, reading), texts: TEXTS};
  const shape = inputShapeOf(model).map(length => length ?? OPEN_LENGTH);
  const size = shape.reduce((product, length) => product * length, 1);
  const form = {kind: 'tensor', shape, count: COUNT} as const;
  const random = seededRandom(1, 'samples of an export');
  if (student.dtype === 'uint8' || reading?.kind === 'image') {
    const data = Uint8Array.from({length: COUNT * size}, () => randomInteger(random, 0, 255));
    return {raw: {...form, dtype: 'uint8', data}};
  }
  const values = rawValues(randomNormals(random, COUNT * size), shape.at(-1) ?? 1, student.preprocessing);
  if (student.dtype === 'int32') return {raw: {...form, dtype: 'int32', data: Int32Array.from(values, Math.round)}};
  return {raw: {...form, dtype: 'float32', data: Float32Array.from(values)}};
}

/** The raw values that preprocessing turns into these. */
function rawValues(
  normals: ArrayLike<number>,
  channels: number,
  {scale = 1, mean = 0, deviation = 1}: Preprocessing,
): number[] {
  const at = (values: number | readonly number[], index: number): number =>
    typeof values === 'number' ? values : values[index % channels]!;
  return Array.from(normals, (value, index) => (value * at(deviation, index) + at(mean, index)) / scale);
}

/** A student on samples. */
export interface Tried {
  readonly student: Student;
  readonly samples: Samples;
  /** Of all heads, [samples, columns], or vectors of length 1. */
  readonly logits: Float32Array;
}

/** The most that an output differs elsewhere, as a share of the greatest magnitude among the logits of its input, or of 1. */
const TOLERANCE = 1e-5;

/** Inputs of a model with the outputs that it must give, for programs that use it, as JSON. */
export function testVectors(model: string, graph: StudentGraph, tried: Tried): string {
  const {student, samples} = tried;
  const {raw, texts} = samples;
  const {name, type} = graph.input;
  const outputs = outputsOf(graph, tried);
  const vectors = Array.from({length: raw.count}, (_, row) => ({
    ...(texts && {text: texts[row]!}),
    [name]: numbers(inputOf(student, samples, row)),
    ...Object.fromEntries(
      outputs.map(({output, width, values}) => [output, numbers(values.slice(row * width, (row + 1) * width))]),
    ),
  }));
  const shape = samples.texts ? {} : {shape: raw.shape};
  const document = {
    format: 'limbeck.test-vectors/1',
    model,
    input: {name, type, ...shape},
    tolerance: TOLERANCE,
    vectors,
  };
  return `${JSON.stringify(document)}\n`;
}

interface OutputValues {
  readonly output: string;
  /** How many numbers an input has. */
  readonly width: number;
  readonly values: Float32Array | Float64Array;
}

function outputsOf({heads, outputs}: StudentGraph, {student, samples, logits}: Tried): readonly OutputValues[] {
  const {count} = samples.raw;
  if (heads.length === 0) return outputs.map(output => ({output, width: outputWidth(student), values: logits}));
  return headsOf(student).flatMap((head, index) => {
    const width = head.classes.length;
    const own = columnsOf(logits, count, head);
    const shares = softmaxRows(own, width, head.calibration?.temperature);
    const names = heads[index]!;
    return [
      {output: names.logits, width, values: own},
      {output: names.probabilities, width, values: shares},
    ];
  });
}

/** One input of the graph: of a text, as if it were the only one. */
function inputOf(student: Student, {raw, texts}: Samples, row: number): ArrayLike<number> {
  const {reading} = student;
  if (texts && readsPlainTexts(reading)) {
    return paddedTexts([texts[row]!], {reading, leastPadding: leastPadding(student)}).data;
  }
  const size = sizeOf(raw.shape);
  return raw.data.subarray(row * size, (row + 1) * size);
}

/** Nine digits tell every 32-bit float from its neighbours. */
function numbers(values: ArrayLike<number>): number[] {
  return Array.from(values, value => Number(value.toPrecision(9)));
}

/** Of many kinds and lengths, none of them from a data set. */
export const TEXTS: readonly string[] = [
  '',
  'a',
  'Where is my parcel?',
  'My card was charged twice, please send the money back!',
  'Thanks, that works now.',
  'I can’t log in since yesterday; the page says “Error 403”.',
  'WHAT IS THE EXCHANGE RATE OF EUR TO USD???',
  'How do I cancel my subscription before 31/12/2027?',
  'Wo finde ich die Rechnung für Straße 5, 10115 Berlin?',
  '¿Cuánto tarda el envío a Perú?',
  'Où est passée ma commande n° 12 345 ?',
  'ΌΣΟΣ ΚΑΙ ΝΑ ΕΙΝΑΙ Ο ΛΟΓΟΣ',
  'Почему мой платёж не прошёл?',
  'İstanbul’a ne zaman gelir?',
  'शिपिंग में कितना समय लगता है?',
  'كم يستغرق الشحن إلى القاهرة؟',
  'ส่งของไปเชียงใหม่ใช้เวลากี่วัน',
  '東京への配送は何日かかりますか。',
  '배송은 며칠 걸리나요?',
  '我的包裹在哪里？',
  'naïve café\u0301 ﬁne Å ½ ① ﷺ',
  'tabs\tand\u00a0spaces \u2003 and\nlines\u2028\ufeffend',
  'emoji 👩‍👩‍👧‍👦 🇪🇺 👍🏽 and a half \ud83d of one',
  `${'a longer text of many words about nothing at all '.repeat(12)}end`,
];
