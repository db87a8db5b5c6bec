import {createHash} from 'node:crypto';
import {type FileHandle, open} from 'node:fs/promises';
import {z} from 'zod';
import {InputError} from '../errors.ts';
import {labelOf} from '../knowledge/coarsen.ts';
import {withoutSecrets} from '../secrets.ts';
import type {Answer, Json, Teacher} from '../teacher.ts';
import {type TeacherAnswered, TRAFFIC_REASONS, type TrafficReason} from './teacher-gateway.ts';

export interface TrafficOptions extends Omit<TrafficHead, 'format'> {
  /** The largest size of the file, in bytes. */
  readonly maxBytes: number;
  /** Called once with the reason why writing ends: the file is full, or can't be written. */
  readonly onEnd: (reason: string) => void;
}

/** The number of texts that are remembered, so that a text that comes again is written once. */
const REMEMBERED = 100_000;

/**
 * Writes the texts that were put to a teacher, with its answers, to a file of JSON lines that students can learn from.
 * The texts may be private, so only the user of this process can read the file. It never fails a request.
 */
export class TrafficLog {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #options: TrafficOptions;
  readonly #seen = new Set<string>();
  #bytes: number;
  #isOver = false;
  #written: Promise<void>;

  private constructor(path: string, file: FileHandle, bytes: number, options: TrafficOptions) {
    this.path = path;
    this.#file = file;
    this.#options = options;
    this.#bytes = bytes;
    this.#written = Promise.resolve();
  }

  /**
   * Creates the file, or appends to it.
   *
   * @throws InputError if the file can't be written, or isn't a traffic file
   */
  static async open(path: string, options: TrafficOptions): Promise<TrafficLog> {
    const file = await open(path, 'a+', 0o600).catch((cause: Error) => {
      throw new InputError(`The traffic can't be kept in ${path}: ${cause.message}. Name another file.`, {cause});
    });
    try {
      const {size} = await file.stat();
      await checkForm(file, size, path);
      const log = new TrafficLog(path, file, size, options);
      const {teacher, classes} = options;
      const {name, identity, access} = teacher;
      // If an earlier process was killed, the last line can be cut short. New lines must then begin on their own line.
      const start = size === 0 ? '' : '\n';
      log.#write(start + writeTraffic({format: TRAFFIC_FORMAT, teacher: {name, identity, access}, classes}));
      return log;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  add({query: {input}, answer, student, why}: TeacherAnswered): void {
    if (input.kind !== 'text' || this.#isOver || !this.#isNew(input.text)) return;
    const {classes} = this.#options;
    const nameOf = (said: Answer) => classes[labelOf(said)]!;
    const at = new Date().toISOString();
    const {text} = input;
    this.#write(writeTraffic({at, why, text, label: nameOf(answer), student: nameOf(student), answer}));
  }

  /** Resolves when all is on disk. */
  async close(): Promise<void> {
    this.#isOver = true;
    await this.#written;
    await this.#file.sync();
    await this.#file.close();
  }

  #isNew(text: string): boolean {
    const digest = createHash('sha256').update(text).digest('base64');
    if (this.#seen.has(digest)) return false;
    if (this.#seen.size >= REMEMBERED) this.#seen.clear();
    this.#seen.add(digest);
    return true;
  }

  #write(text: string): void {
    const {maxBytes} = this.#options;
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > maxBytes) {
      this.#end(`${this.path} has reached its ${maxBytes} bytes`);
      return;
    }
    this.#written = this.#written
      .then(() => this.#file.appendFile(text))
      .catch((error: Error) => this.#end(`${this.path} can't be written: ${error.message}`));
  }

  #end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onEnd(`${reason}. No more traffic is kept.`);
  }
}

/** Refuses to write to a file of another format. */
async function checkForm(file: FileHandle, size: number, path: string): Promise<void> {
  if (size === 0) return;
  const start = Buffer.from(`{"format":"${TRAFFIC_FORMAT}"`);
  const {buffer} = await file.read(Buffer.alloc(start.length), 0, start.length, 0);
  if (!buffer.equals(start)) throw new InputError(`${path} exists and is not a traffic file. Name another one.`);
}

/** The format of a traffic file: lines of JSON, each a head or a text. */
export const TRAFFIC_FORMAT = 'limbeck.traffic/1' as const;

/** A line that names the teacher of the lines after it, up to the next head. */
export interface TrafficHead {
  readonly format: typeof TRAFFIC_FORMAT;
  readonly teacher: Pick<Teacher, 'name' | 'identity' | 'access'>;
  /** Answers hold indices into this list. */
  readonly classes: readonly string[];
}

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
  z.object({kind: z.literal('expected'), level: z.number().min(0)}),
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
    why: z.enum([...TRAFFIC_REASONS, 'check']).transform(why => (why === 'check' ? 'audit' : why)),
    text: z.string(),
    label: z.string(),
    student: z.string(),
    answer,
  }),
]);
