import {z} from 'zod';
import {questionSchema} from '../knowledge/question-schema.ts';
import type {Json} from '../teacher.ts';
import type {Gate} from './gate.ts';
import {inputShapeOf} from './input-shape.ts';
import type {Student} from './student.ts';

/** The content of `limbeck.json` beside a saved model: the parts of a student that TensorFlow.js does not keep. */
export interface StudentDescription extends Omit<Student, 'model' | 'gate'> {
  readonly format: 'limbeck.student/1';
  /** Shape of one input. A dimension of variable length is null. */
  readonly inputShape: readonly (number | null)[];
  /** The content of `gate.bin`, if there is one. */
  readonly gate?: GateDescription;
  /** How the student was made, for people. Nothing reads it. */
  readonly madeBy: {readonly [key: string]: Json};
}

/** A gate without its texts. */
export interface GateDescription extends Omit<Gate, 'texts'> {
  /** Number of texts. */
  readonly texts: number;
}

const oneOrPerChannel = z.union([z.number(), z.array(z.number()).min(1)]);

const ngrams = z.object({
  kind: z.literal('n-grams'),
  buckets: z.number(),
  words: z.number(),
  characters: z.tuple([z.number(), z.number()]),
  length: z.number(),
});
const column = z.discriminatedUnion('kind', [
  z.object({
    name: z.string(),
    kind: z.literal('number'),
    mean: z.number(),
    deviation: z.number(),
    marksMissing: z.boolean(),
  }),
  z.object({name: z.string(), kind: z.enum(['category', 'text'])}),
]);
const reading = z.discriminatedUnion('kind', [
  ngrams,
  z.object({
    kind: z.literal('subwords'),
    buckets: z.number(),
    characters: z.number(),
    pieces: z.number(),
    length: z.number(),
  }),
  z.object({kind: z.literal('word-pieces'), vocabulary: z.string(), length: z.number()}),
  z.object({
    kind: z.literal('embeddings'),
    path: z.string(),
    file: z.string(),
    model: z.string(),
    output: z.string(),
    pooling: z.literal('cls').exactOptional(),
    dimensions: z.number(),
    tokens: z.number(),
    length: z.number(),
  }),
  z.object({
    kind: z.literal('image'),
    height: z.number(),
    width: z.number(),
    channels: z.union([z.literal(1), z.literal(3)]),
  }),
  z.object({kind: z.literal('record'), columns: z.array(column), texts: ngrams.exactOptional()}),
]);

const share = z.number().min(0).max(1);

const guarantee = z.object({
  agreement: share,
  confidence: share,
  answers: z.int().nonnegative(),
  disagreements: z.int().nonnegative(),
  localShare: share,
  bound: share,
  moreAnswers: z.int().positive().exactOptional(),
});

const calibration = z.object({
  temperature: z.number().positive(),
  threshold: z.number().min(0).exactOptional(),
  guarantee: guarantee.exactOptional(),
});

/** Validates a `limbeck.json`. */
export const studentDescription: z.ZodType<StudentDescription> = z
  .strictObject({
    format: z.literal('limbeck.student/1'),
    classes: z.array(z.string()),
    preprocessing: z.object({
      scale: z.number().exactOptional(),
      mean: oneOrPerChannel.exactOptional(),
      deviation: oneOrPerChannel.exactOptional(),
    }),
    output: z.enum(['logits', 'probabilities', 'vector']),
    inputShape: z.array(z.number().int().positive().nullable()),
    dtype: z.enum(['uint8', 'int32', 'float32']).exactOptional(),
    reading: reading.exactOptional(),
    question: questionSchema.exactOptional(),
    heads: z
      .array(z.object({question: questionSchema, calibration: calibration.exactOptional()}))
      .min(1)
      .exactOptional(),
    calibration: calibration.exactOptional(),
    gate: z.object({reading: ngrams, cutOff: z.number().min(0).max(1), texts: z.int().min(1)}).exactOptional(),
    madeBy: z.record(z.string(), z.json()),
  })
  .refine(({classes, output}) => (output === 'vector' ? classes.length === 0 : classes.length >= 2), {
    path: ['classes'],
    error: 'a student has two classes at least, and none if it gives vectors',
  });

/** Describes a student. */
export function describeStudent(student: Student, madeBy: StudentDescription['madeBy']): StudentDescription {
  const {model, gate, ...rest} = student;
  return studentDescription.parse({
    ...{format: 'limbeck.student/1', ...rest, inputShape: inputShapeOf(model)},
    ...(gate && {gate: {...gate, texts: gate.texts.length}}),
    madeBy,
  });
}
