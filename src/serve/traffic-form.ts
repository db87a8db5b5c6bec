import {z} from 'zod';
import {withoutSecrets} from '../secrets.ts';
import type {Answer, Json, Teacher} from '../teacher.ts';

/** The format of a traffic file: lines of JSON, each a head or a text. */
export const TRAFFIC_FORMAT = 'limbeck.traffic/1' as const;

/** A line that names the teacher of the lines after it, up to the next head. */
export interface TrafficHead {
  readonly format: typeof TRAFFIC_FORMAT;
  readonly teacher: Pick<Teacher, 'name' | 'identity' | 'access'>;
  /** Answers hold indices into this list. */
  readonly classes: readonly string[];
}

/** The reason for a request: the student was not sure, was audited, is only measured, or had broken its promise. */
export type TrafficReason = (typeof REASONS)[number];

const REASONS = ['unsure', 'audit', 'shadow', 'demoted'] as const;

/** A text that was put to the teacher. */
export interface TrafficLine {
  /** ISO 8601. */
  readonly at: string;
  readonly why: TrafficReason;
  readonly text: string;
  /** The teacher's label. `student` holds the student's. */
  readonly label: string;
  readonly student: string;
  /** The teacher's whole answer, without features. */
  readonly answer: Answer;
}

/** Writes a line of JSON. Arrays become lists, and null stands for minus infinity. */
export function writeTraffic(line: TrafficHead | TrafficLine): string {
  return `${withoutSecrets(JSON.stringify('answer' in line ? {...line, answer: listed(line.answer)} : line))}\n`;
}

/** Reads a line. Undefined if it is damaged, for example because its process was killed as it wrote the line. */
export function readTraffic(line: string): TrafficHead | TrafficLine | undefined {
  try {
    return trafficLine.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function listed(answer: Answer): {readonly [field: string]: Json} {
  const fields = Object.entries(answer).filter(([name]) => name !== 'features');
  return Object.fromEntries(fields.map(([name, value]) => [name, ArrayBuffer.isView(value) ? finite(value) : value]));
}

function finite(values: ArrayBufferView): readonly (number | null)[] {
  return Array.from(values as Float32Array, value => (Number.isFinite(value) ? value : null));
}

const floats = z
  .array(z.number().nullable())
  .transform(values => Float32Array.from(values, value => value ?? Number.NEGATIVE_INFINITY));
const index = z.int().min(0);

const answer: z.ZodType<Answer> = z.discriminatedUnion('kind', [
  z.object({kind: z.literal('label'), label: index}),
  z.object({kind: z.literal('votes'), counts: z.array(index).transform(counts => Uint32Array.from(counts))}),
  z.object({
    kind: z.literal('top-k'),
    classes: z
      .array(index)
      .min(1)
      .transform(classes => Int32Array.from(classes)),
    logProbabilities: floats,
    rest: z.number().min(0).max(1),
  }),
  z.object({kind: z.literal('log-probabilities'), logProbabilities: floats}),
  z.object({kind: z.literal('logits'), logits: floats}).transform(logits => ({...logits, features: {}})),
]);

const trafficLine: z.ZodType<TrafficHead | TrafficLine> = z.union([
  z.object({
    format: z.literal(TRAFFIC_FORMAT),
    teacher: z.object({
      name: z.string(),
      identity: z.record(z.string(), z.json()),
      access: z.enum(['black-box', 'gray-box', 'white-box']),
    }),
    classes: z.array(z.string()).min(2),
  }),
  z.object({
    at: z.string(),
    // Earlier versions call an audit a check.
    why: z.enum([...REASONS, 'check']).transform(why => (why === 'check' ? 'audit' : why)),
    text: z.string(),
    label: z.string(),
    student: z.string(),
    answer,
  }),
]);
