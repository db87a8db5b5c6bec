import {selectRows, sizeOf} from '../data/inputs.ts';
import {KnowledgeError} from '../errors.ts';
import type {Answer, Detail, Feature, LogitsAnswer, TopKAnswer} from '../teacher.ts';
import {coarsen, describeDetail, satisfies} from './coarsen.ts';

/** Answers of one detail to many queries, stored in columns. Row i answers input i. */
export type Answers =
  | LabelAnswers
  | VotesAnswers
  | ExpectedAnswers
  | TopKAnswers
  | LogProbabilityAnswers
  | LogitAnswers
  | VectorAnswers;

export interface LabelAnswers {
  readonly kind: 'label';
  readonly count: number;
  /** [count] */
  readonly labels: Int32Array;
}

export interface VotesAnswers {
  readonly kind: 'votes';
  readonly count: number;
  /** [count, classes] */
  readonly counts: Uint32Array;
}

export interface ExpectedAnswers {
  readonly kind: 'expected';
  readonly count: number;
  /** [count], from 0 to the number of classes − 1 */
  readonly levels: Float32Array;
}

export interface TopKAnswers {
  readonly kind: 'top-k';
  readonly count: number;
  readonly k: number;
  /** [count, k], the most probable first */
  readonly classes: Int32Array;
  /** [count, k] */
  readonly logProbabilities: Float32Array;
  /** [count], the mass outside the k classes */
  readonly rest: Float32Array;
}

export interface LogProbabilityAnswers {
  readonly kind: 'log-probabilities';
  readonly count: number;
  /** [count, classes] */
  readonly logProbabilities: Float32Array;
}

export interface LogitAnswers {
  readonly kind: 'logits';
  readonly count: number;
  /** [count, classes] */
  readonly logits: Float32Array;
  /** By layer name: shape of one example's feature, values [count, ...shape]. */
  readonly features: Readonly<Record<string, Feature>>;
}

export interface VectorAnswers {
  readonly kind: 'vector';
  readonly count: number;
  readonly dimensions: number;
  /** [count, dimensions] */
  readonly vectors: Float32Array;
}

/**
 * Lays answers out in columns, each coarsened to the detail.
 *
 * A top-k answer that names fewer than k classes leaves the end of its row empty: class -1, log-probability minus
 * infinity. k is never more than the number of classes.
 *
 * @param classes - how many classes the teacher has
 * @throws KnowledgeError if an answer does not hold the detail, or has the wrong size; vectors are as long as the first
 */
export function tabulate(answers: readonly Answer[], detail: Detail, classes: number): Answers {
  const count = answers.length;
  switch (detail.kind) {
    case 'label':
      return {kind: 'label', count, labels: Int32Array.from(answers, row => coarsen(row, detail).label)};
    case 'votes': {
      const rows = answers.map(row => coarsen(row, detail).counts);
      return {kind: 'votes', count, counts: stack(rows, Uint32Array, classes, 'votes')};
    }
    case 'expected':
      return {kind: 'expected', count, levels: Float32Array.from(answers, row => coarsen(row, detail).level)};
    case 'top-k':
      return topKColumns(
        answers.map(row => coarsen(row, detail)),
        Math.min(detail.k, classes),
      );
    case 'log-probabilities': {
      const rows = answers.map(row => coarsen(row, detail).logProbabilities);
      return {kind: detail.kind, count, logProbabilities: stack(rows, Float32Array, classes, 'log-probabilities')};
    }
    case 'logits':
      return logitColumns(
        answers.map(row => coarsen(row, detail)),
        classes,
      );
    case 'vector':
      return vectorColumns(answers.map(row => coarsen(row, detail).values));
  }
}

/**
 * Coarsens fuller answers to poorer ones. Answers that already have the wanted detail come back unchanged.
 *
 * @throws KnowledgeError if they don't hold what is wanted
 */
export function coarsenAnswers(answers: Answers, detail: Detail, classes: number): Answers {
  const held = detailOfAnswers(answers);
  const wanted = detail.kind === 'top-k' ? {...detail, k: Math.min(detail.k, classes)} : detail;
  if (!satisfies(held, wanted)) {
    throw new KnowledgeError(
      `Answers of ${describeDetail(held)} can't give ${describeDetail(wanted)}. Collect the fuller answers.`,
    );
  }
  if (satisfies(wanted, held)) return answers;
  const rows = Array.from({length: answers.count}, (_, index) => answerAt(answers, index, classes));
  return tabulate(rows, wanted, classes);
}

function detailOfAnswers(answers: Answers): Detail {
  if (answers.kind === 'top-k') return {kind: 'top-k', k: answers.k};
  return answers.kind === 'logits' ? {kind: 'logits', features: Object.keys(answers.features)} : {kind: answers.kind};
}

/** One answer from the columns. It shares their memory. */
export function answerAt(answers: Answers, index: number, classes: number): Answer {
  if (index < 0 || index >= answers.count) {
    throw new KnowledgeError(`There is no answer ${index}: the set holds ${answers.count}.`);
  }
  switch (answers.kind) {
    case 'label':
      return {kind: 'label', label: answers.labels[index]!};
    case 'votes':
      return {kind: 'votes', counts: rowOf(answers.counts, index, classes)};
    case 'expected':
      return {kind: 'expected', level: answers.levels[index]!};
    case 'top-k':
      return topKAt(answers, index);
    case 'log-probabilities':
      return {kind: 'log-probabilities', logProbabilities: rowOf(answers.logProbabilities, index, classes)};
    case 'logits': {
      const features = mapFeatures(answers.features, ({values, shape}) => rowOf(values, index, sizeOf(shape)));
      return {kind: 'logits', logits: rowOf(answers.logits, index, classes), features};
    }
    case 'vector':
      return {kind: 'vector', values: rowOf(answers.vectors, index, answers.dimensions)};
  }
}

/** Copies the named rows, in that order. */
export function selectAnswers(answers: Answers, indices: ArrayLike<number>, classes: number): Answers {
  const count = indices.length;
  switch (answers.kind) {
    case 'label':
      return {...answers, count, labels: selectRows(answers.labels, 1, indices)};
    case 'votes':
      return {...answers, count, counts: selectRows(answers.counts, classes, indices)};
    case 'expected':
      return {...answers, count, levels: selectRows(answers.levels, 1, indices)};
    case 'top-k': {
      const named = selectRows(answers.classes, answers.k, indices);
      const logProbabilities = selectRows(answers.logProbabilities, answers.k, indices);
      return {...answers, count, classes: named, logProbabilities, rest: selectRows(answers.rest, 1, indices)};
    }
    case 'log-probabilities':
      return {...answers, count, logProbabilities: selectRows(answers.logProbabilities, classes, indices)};
    case 'logits': {
      const features = mapFeatures(answers.features, ({values, shape}) => selectRows(values, sizeOf(shape), indices));
      return {...answers, count, logits: selectRows(answers.logits, classes, indices), features};
    }
    case 'vector':
      return {...answers, count, vectors: selectRows(answers.vectors, answers.dimensions, indices)};
  }
}

function topKColumns(rows: readonly TopKAnswer[], k: number): TopKAnswers {
  const classes = new Int32Array(rows.length * k).fill(-1);
  const logProbabilities = new Float32Array(rows.length * k).fill(Number.NEGATIVE_INFINITY);
  for (const [index, row] of rows.entries()) {
    classes.set(row.classes, index * k);
    logProbabilities.set(row.logProbabilities, index * k);
  }
  return {
    kind: 'top-k',
    count: rows.length,
    k,
    classes,
    logProbabilities,
    rest: Float32Array.from(rows, row => row.rest),
  };
}

function topKAt({k, classes, logProbabilities, rest}: TopKAnswers, index: number): TopKAnswer {
  const row = rowOf(classes, index, k);
  const over = row.indexOf(-1);
  const named = over < 0 ? k : over;
  return {
    kind: 'top-k',
    classes: row.subarray(0, named),
    logProbabilities: rowOf(logProbabilities, index, k).subarray(0, named),
    rest: rest[index]!,
  };
}

function logitColumns(rows: readonly LogitsAnswer[], classes: number): LogitAnswers {
  const logits = stack(
    rows.map(row => row.logits),
    Float32Array,
    classes,
    'logits',
  );
  const features = mapFeatures(rows[0]?.features ?? {}, ({shape}, name) => {
    const values = rows.map(row => row.features[name]!.values);
    return stack(values, Float32Array, sizeOf(shape), `feature ${name}`);
  });
  return {kind: 'logits', count: rows.length, logits, features};
}

function vectorColumns(rows: readonly Float32Array[]): VectorAnswers {
  const dimensions = rows[0]?.length ?? 0;
  const other = rows.findIndex(({length}) => length !== dimensions);
  if (other !== -1) {
    throw new KnowledgeError(
      `Answer ${other} is a vector of ${rows[other]!.length} numbers, and answer 0 of ${dimensions}. Ask one model about all inputs.`,
    );
  }
  return {kind: 'vector', count: rows.length, dimensions, vectors: stack(rows, Float32Array, dimensions, 'numbers')};
}

function mapFeatures(
  features: Readonly<Record<string, Feature>>,
  valuesOf: (feature: Feature, name: string) => Float32Array,
): Record<string, Feature> {
  const mapped = Object.entries(features).map(([name, feature]) => {
    return [name, {shape: feature.shape, values: valuesOf(feature, name)}] as const;
  });
  return Object.fromEntries(mapped);
}

function rowOf<T extends Float32Array | Uint32Array | Int32Array>(values: T, index: number, size: number): T {
  return values.subarray(index * size, (index + 1) * size) as T;
}

function stack<T extends Float32Array | Uint32Array>(
  rows: readonly T[],
  Type: new (length: number) => T,
  size: number,
  what: string,
): T {
  const values = new Type(rows.length * size);
  for (const [index, row] of rows.entries()) {
    if (row.length !== size) {
      throw new KnowledgeError(
        `Answer ${index} holds ${row.length} ${what}, expected ${size}. Give the teacher the class list it was made with.`,
      );
    }
    values.set(row, index * size);
  }
  return values;
}
