import {z} from 'zod';
import {withoutSecrets} from '../secrets.ts';
import type {Answer, Json, Teacher} from '../teacher.ts';

/** The form of a file of traffic: lines of JSON, each a head or a text. */
export const TRAFFIC_FORMAT = 'limbeck.traffic/1' as const;

/** A line that says who answers those after it, up to the next of its kind. */
export interface TrafficHead {
  readonly format: typeof TRAFFIC_FORMAT;
  readonly teacher: Pick<Teacher, 'name' | 'identity' | 'access'>;
  /** In the order of the answers' indices. */
  readonly classes: readonly string[];
}

/** Why the teacher was asked: the student was not sure, was audited, is only measured, or had broken its promise. */
export type TrafficReason = (typeof REASONS)[number];

const REASONS = ['unsure', 'audit', 'shadow', 'demoted'] as const;

/** A text that the teacher was asked about. */
export interface TrafficLine {
  /** ISO 8601. */
  readonly at: string;
  readonly why: TrafficReason;
  readonly text: string;
  /** What the teacher said, and what the student would have. */
  readonly label: string;
  readonly student: string;
  /** The teacher's answer whole, but for features. */
  readonly answer: Answer;
}

/** As a line of JSON: arrays are lists, and null stands for minus infinity. */
export function writeTraffic(line: TrafficHead | TrafficLine): string {
  return `${withoutSecrets(JSON.stringify('answer' in line ? {...line, answer: listed(line.answer)} : line))}\n`;
}

/** Reads a line; undefined where it is damaged, as one that was being written when its process was killed. */
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
    // An audit was called a check once.
    why: z.enum([...REASONS, 'check']).transform(why => (why === 'check' ? 'audit' : why)),
    text: z.string(),
    label: z.string(),
    student: z.string(),
    answer,
  }),
]);
