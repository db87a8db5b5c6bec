import {createHash} from 'node:crypto';
import {type FileHandle, open} from 'node:fs/promises';
import {InputError} from '../errors.ts';
import {coarsen} from '../knowledge/coarsen.ts';
import type {Answer} from '../teacher.ts';
import type {TeacherAnswered} from './teacher-gateway.ts';
import {TRAFFIC_FORMAT, type TrafficHead, writeTraffic} from './traffic-form.ts';

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
    const nameOf = (said: Answer) => classes[coarsen(said, {kind: 'label'}, classes.length).label]!;
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
