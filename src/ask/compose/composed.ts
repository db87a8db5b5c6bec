import {hash} from 'node:crypto';
import {once} from '../../concurrency.ts';
import {sameClasses} from '../../data/arrays.ts';
import {type Inputs, inputAt} from '../../data/inputs.ts';
import {InputError, KnowledgeError, LimbeckError, TeacherError} from '../../errors.ts';
import {describeDetail, satisfies} from '../../knowledge/coarsen.ts';
import {digestQuery} from '../../store/stored-answer.ts';
import type {Access, Answer, Outcome, Part, Query, Teacher} from '../../teacher.ts';
import type {LayerOptions} from '../layer.ts';
import {type AskPart, askerOf} from './parts.ts';

/** The definition of a composed teacher. */
interface Composition<A extends Access, P = undefined>
  extends Pick<Teacher<A>, 'name' | 'identity' | 'access' | 'classes' | 'questions' | 'detail'> {
  readonly parts: readonly Part[];
  /**
   * Prepares what all answers need, once, from the answers that the parts give `beforehand`. If it fails, the next call
   * tries again.
   *
   * @default nothing
   */
  prepare?(parts: readonly AskPart[], options: LayerOptions): Promise<P>;
  /** Answers each query by asking the parts, in the order of `parts`. */
  answer(
    queries: readonly Query[],
    parts: readonly AskPart[],
    options: LayerOptions,
    prepared: P,
  ): Promise<Outcome<A>[]>;
}

/**
 * A teacher that is composed of others.
 *
 * @param teachers - the teachers that fill the parts
 */
export function composed<A extends Access, P = undefined>(
  composition: Composition<A, P>,
  teachers: readonly Teacher[] = composition.parts.map(({teacher}) => teacher),
): Teacher<A> {
  const {name, identity, access, classes, questions, detail, parts} = composition;
  const askers = parts.map((part, index) => askerOf(part, teachers[index]!));
  const prepare = sharedWork(async (options: LayerOptions) => composition.prepare?.(askers, options) as P);
  return {
    ...{name, identity, access, classes, questions, detail},
    maxBatch: Math.max(...teachers.map(({maxBatch}) => maxBatch)),
    // One part can work while another's answers are awaited. None exceeds its own concurrency.
    concurrency: teachers.reduce((sum, {concurrency = 1}) => sum + concurrency, 0),
    parts: {teachers: parts, compose: others => composed(composition, others)},
    async ask(queries, options: LayerOptions = {}) {
      const wanted = options.detail ?? detail;
      if (!satisfies(detail, wanted)) {
        throw new KnowledgeError(
          `Teacher ${name} shows ${describeDetail(detail)}, and ${describeDetail(wanted)} was asked for.`,
        );
      }
      const {onSettled, ...others} = options;
      try {
        return await composition.answer(queries, askers, options, await prepare(others));
      } catch (error) {
        if (!(error instanceof Unprepared)) throw error;
        onSettled?.(queries.length);
        return queries.map(() => ({error: error.reason}));
      }
    },
  };
}

/**
 * Makes the error of a part an error of the whole. Most errors name their teacher, or concern all of them, like the end
 * of a budget.
 */
export function errorOfPart(error: Error, {name}: Pick<Teacher, 'name'>): Error {
  if (error instanceof KnowledgeError) return new KnowledgeError(`Teacher ${name}: ${error.message}`, {cause: error});
  return error instanceof LimbeckError ? error : new TeacherError(name, error.message, {cause: error});
}

/**
 * Work that many calls need and one call does. Its result is kept. If it fails, for example because that call was
 * aborted, another call starts again.
 */
export function sharedWork<T>(work: (options: LayerOptions) => Promise<T>): (options: LayerOptions) => Promise<T> {
  const shared = once((options: LayerOptions, onBegin: () => void) => {
    onBegin();
    return work(options);
  });
  return async options => {
    for (;;) {
      let isOwn = false;
      try {
        return await shared(options, () => {
          isOwn = true;
        });
      } catch (error) {
        options.signal?.throwIfAborted();
        options.stop?.throwIfAborted();
        if (isOwn) throw error;
      }
    }
  };
}

/**
 * The error of a query that all answers wait for. It becomes the error of each answer, because it can be gone in the
 * next run, like the end of a budget.
 */
export class Unprepared extends Error {
  readonly reason: Error;

  constructor(reason: Error) {
    super(reason.message, {cause: reason});
    this.reason = reason;
  }
}

/** True if the teacher can't answer the query, now or later. Any other error can be gone in the next run. */
export function isUnanswerable(error: Error): boolean {
  return error instanceof TeacherError && !error.retryable;
}

/**
 * Ignores the error of a query that its teacher can't answer. Any other error would make a result that depends on many
 * answers differ from run to run.
 *
 * @throws Unprepared
 */
export function passUnanswerable(error: Error): void {
  if (!isUnanswerable(error)) throw new Unprepared(error);
}

/**
 * SHA-256, in hexadecimal, of inputs in their order, for the identity of a teacher that is made with them.
 *
 * @param labels - of each input, if they have labels
 */
export function digestInputs(inputs: Inputs, labels?: ArrayLike<number>): string {
  const rows = Array.from({length: inputs.count}, (_, index) => {
    const {dtype, shape, bytes} = digestQuery({input: inputAt(inputs, index)});
    return `${dtype} ${shape.join(',')} ${bytes} ${labels?.[index] ?? ''}`;
  });
  return hash('sha256', rows.join('\n'));
}

/** Moves an answer's classes to the indices that another teacher has for them. */
export type Reorder = (answer: Answer) => Answer;

/**
 * Maps the answers of a teacher to these classes.
 *
 * @throws InputError if the teacher has other classes
 */
export function reorderTo(classes: readonly string[], teacher: Pick<Teacher, 'name' | 'classes'>): Reorder {
  if (sameClasses(classes, teacher.classes)) return answer => answer;
  const indices = teacher.classes.map(name => classes.indexOf(name));
  if (new Set(indices).size !== classes.length || indices.includes(-1)) {
    throw new InputError(
      `Teacher ${teacher.name} speaks of the classes ${teacher.classes.join(', ')}, and another one that it is to be put ` +
        `together with of ${classes.join(', ')}. Give all of them the same names.`,
    );
  }
  return answer => moved(answer, indices);
}

/** @param indices - by class of the answer, its index in the other order */
function moved(answer: Answer, indices: readonly number[]): Answer {
  switch (answer.kind) {
    case 'label':
      return {...answer, label: indices[answer.label]!};
    case 'votes':
      return {...answer, counts: scattered(answer.counts, indices)};
    case 'expected':
      throw new KnowledgeError(
        'An expected level counts classes in their own order. Give all teachers the same order.',
      );
    case 'top-k':
      return {...answer, classes: answer.classes.map(index => indices[index]!)};
    case 'log-probabilities':
      return {...answer, logProbabilities: scattered(answer.logProbabilities, indices)};
    case 'logits':
      return {...answer, logits: scattered(answer.logits, indices)};
    case 'vector':
      throw new KnowledgeError('A vector has no classes. Give all teachers the same detail.');
  }
}

function scattered<T extends Float32Array | Uint32Array>(values: T, indices: readonly number[]): T {
  const result = values.slice() as T;
  for (const [index, position] of indices.entries()) result[position] = values[index]!;
  return result;
}
