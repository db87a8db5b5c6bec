import type {AnsweredPart, Asking} from '../ask/asking.ts';
import {folderSize} from '../data/files.ts';
import {type Inputs, inputAt, selectInputs} from '../data/inputs.ts';
import {loadStudent} from '../student/files.ts';
import {forgetEmbeddings} from '../student/read-inputs.ts';
import {teacherOf} from '../student/vectors.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import {quantile} from './statistics.ts';

/** How long answers take. Times differ from run to run, and from machine to machine. */
export interface Speed {
  /** Milliseconds of a request; absent if none was seen. */
  readonly latency?: Latency | undefined;
  /** In batches; absent if it was not measured. */
  readonly answersPerSecond?: number | undefined;
}

export interface Latency {
  /** Half of the requests take so long at most, in milliseconds. */
  readonly p50: number;
  /** 99 % of the requests do. */
  readonly p99: number;
  /** Number of requests. */
  readonly requests: number;
  /** Mean number of inputs of a request; 1 if inputs are asked about one by one. */
  readonly inputsEach: number;
}

/** Size and speed of a method's student. */
export interface StudentEfficiency extends Speed {
  /** The size of its folder. */
  readonly bytes: number;
  readonly parameters: number;
}

/** Speed and price of a level's teacher. */
export interface TeacherEfficiency extends Speed {
  readonly level: Access;
  /** Its name. */
  readonly teacher: string;
  /** Expected US dollars of 1,000 answers if none is kept, 0 without a service; absent if the price is not known. */
  readonly usdPerThousand?: number | undefined;
}

/** The longest that answers are asked for one by one, and the same for batches, in milliseconds. */
const MOST_TIME = 300;

/** The largest batch. */
const MOST_BATCH = 256;

/** How many inputs the price is taken of. */
const PRICED = 200;

/**
 * Measures a saved student in this process.
 *
 * @param directory - its folder
 * @param inputs - what it is asked about
 */
export async function studentEfficiency(
  directory: string,
  inputs: Inputs,
  signal?: AbortSignal,
): Promise<StudentEfficiency> {
  const student = await loadStudent(directory);
  const parameters = student.model.countParams();
  try {
    const detail = {kind: student.output === 'vector' ? 'vector' : 'log-probabilities'} as const;
    const speed = await speedOf(teacherOf(student), inputs, detail, signal);
    return {bytes: await folderSize(directory), parameters, ...speed};
  } finally {
    student.model.dispose();
  }
}

export interface TeacherEfficiencyOptions {
  readonly level: Access;
  readonly inputs: Inputs;
  /** The detail that it is asked for. */
  readonly detail: Detail;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The speed and price of a teacher, as far as they are known. One whose model is in this process, and that was asked in
 * this run, is measured as students are. Nobody else is asked for this: the latency of a service is that of this run's
 * requests.
 */
export async function teacherEfficiency(
  asking: Asking,
  teacher: Teacher,
  {level, inputs, detail, signal}: TeacherEfficiencyOptions,
): Promise<TeacherEfficiency> {
  const parts = asking.requestsTo(teacher);
  const isHere = parts.every(part => part.teacher.access === 'white-box' && part.teacher.service === undefined);
  const isAsked = parts.every(({requests}) => requests.milliseconds.length > 0);
  const isMeasured = isHere && isAsked;
  const speed = isMeasured ? await speedOf(teacher, inputs, detail, signal) : observedSpeed(teacher, parts[0]!);
  return {level, teacher: teacher.name, ...speed, usdPerThousand: await priceOf(asking, teacher, inputs, detail)};
}

/** The answer of a composed teacher takes several requests, whose times say little. */
function observedSpeed({parts}: Teacher, {requests: {milliseconds, inputs}}: AnsweredPart): Speed {
  return parts !== undefined || milliseconds.length === 0 ? {} : {latency: latencyOf(milliseconds, inputs)};
}

async function priceOf(asking: Asking, teacher: Teacher, inputs: Inputs, detail: Detail): Promise<number | undefined> {
  const rows = Array.from({length: Math.min(PRICED, inputs.count)}, (_, row) => row);
  const {isService, usd} = await asking.planFromNothing(teacher, selectInputs(inputs, rows), {detail});
  if (!isService) return 0;
  return usd && (1000 * usd.expected) / rows.length;
}

/** Asks a teacher in this process about inputs, first one by one and then in batches, each for a third of a second at most. */
async function speedOf(
  teacher: Pick<Teacher, 'ask' | 'maxBatch'>,
  inputs: Inputs,
  detail: Detail,
  signal: AbortSignal | undefined,
): Promise<Speed> {
  const timed = async (start: number, size: number): Promise<number> => {
    const end = Math.min(start + size, inputs.count);
    const queries = Array.from({length: end - start}, (_, row) => ({input: inputAt(inputs, start + row)}));
    // Texts that a student in use gets are mostly new.
    forgetEmbeddings();
    const begun = performance.now();
    await teacher.ask(queries, {detail, signal});
    return performance.now() - begun;
  };
  const timedAll = async (size: number): Promise<number[]> => {
    // Whatever is compiled or allocated once counts for no answer.
    await timed(0, size);
    const times: number[] = [];
    const end = performance.now() + MOST_TIME;
    for (let start = 0; start + size <= inputs.count && (start === 0 || performance.now() < end); start += size) {
      times.push(await timed(start, size));
    }
    return times;
  };
  const single = await timedAll(1);
  const latency = latencyOf(single, single.length);
  // A batch takes no longer than its inputs one by one.
  const longest = Math.max(1, Math.floor(MOST_TIME / latency.p50));
  const size = Math.min(longest, MOST_BATCH, teacher.maxBatch, inputs.count);
  const batches = await timedAll(size);
  const seconds = batches.reduce((sum, time) => sum + time, 0) / 1000;
  return {latency, answersPerSecond: (batches.length * size) / seconds};
}

function latencyOf(milliseconds: readonly number[], inputs: number): Latency {
  const sorted = milliseconds.toSorted((one, other) => one - other);
  const requests = sorted.length;
  return {p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), requests, inputsEach: inputs / requests};
}
