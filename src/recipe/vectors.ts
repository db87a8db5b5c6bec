import {isSharded, type ShardedDataset} from '../data/shards/dataset.ts';
import type {UnlabelledDataset} from '../data/split.ts';
import {InputError} from '../errors.ts';
import type {LossTerm} from '../losses/loss.ts';
import type {Student, StudentBuilder, Task} from '../student/student.ts';
import {isLosses} from './by-question.ts';
import {CONDITION_MEASURES, type ConditionMeasure, type RecipeConditions} from './conditions.ts';
import type {Recipe, RecipeData} from './recipe.ts';

/** The part of a method that says what it learns. */
interface Learning {
  // A term of a recipe in JavaScript may lack what it needs.
  readonly losses: readonly Partial<Pick<LossTerm, 'needs'>>[];
}

/** True if a method learns the vectors of an embedding model. */
export function learnsVectors({losses}: Learning): boolean {
  return losses.some(({needs}) => needs?.kind === 'vector');
}

/** True if the methods of a recipe learn vectors. */
export function isOfVectors({methods}: Pick<Recipe, 'methods'>): boolean {
  return methods.some(({losses}) => isLosses(losses) && learnsVectors({losses}));
}

/** @throws InputError if the teacher of a recipe gives vectors, and something needs classes */
export function refuseVectors(recipe: Pick<Recipe, 'methods' | 'name'>, what: string): void {
  if (!isOfVectors(recipe)) return;
  throw new InputError(
    `${what} is about classes, and the teacher of recipe ${recipe.name} gives vectors, which name none.`,
  );
}

interface VectorFields {
  readonly methods: readonly (Learning & {
    readonly level: string;
    readonly select?: unknown;
    readonly tune?: unknown;
  })[];
  readonly teachers: Readonly<Partial<Record<string, unknown>>>;
  readonly student: unknown;
  readonly training?: Readonly<Partial<Record<string, unknown>>> | undefined;
  readonly check?: RecipeConditions | undefined;
}

/** What of a recipe is about classes, which vectors have not. */
const OF_CLASSES = ['questions', 'calibration', 'assistant', 'repeatability', 'trustsScores', 'teacherModel'] as const;
const TRAINED_BY_CLASSES = ['balance', 'earlyStopping', 'questionWeights'] as const;
const CHOSEN_BY_CLASSES = ['select', 'tune'] as const;

/** The measures of a study of vectors that conditions can be about. */
const MEASURED: readonly ConditionMeasure[] = ['cost', 'calls', 'tokens'];

/** Checks that a recipe whose methods learn vectors has nothing that needs classes. */
export function checkVectors(
  fields: VectorFields & Readonly<Partial<Record<(typeof OF_CLASSES)[number], unknown>>>,
  add: (path: (string | number)[], message: string) => void,
): void {
  const {methods, teachers, student, training = {}, check = {}} = fields;
  const why = 'is about classes, and the teacher gives vectors: leave it out';
  for (const key of OF_CLASSES) if (fields[key] !== undefined) add([key], why);
  for (const key of TRAINED_BY_CLASSES) if (training[key] !== undefined) add(['training', key], why);
  for (const level of ['black-box', 'white-box']) {
    if (teachers[level]) add(['teachers', level], 'vectors are learned of the `gray-box` teacher: leave it out');
  }
  if (typeof student !== 'function') {
    add(
      ['student'],
      'students of vectors are not chosen by classes: give one, such as withVectors(hashedNgrams(), 384)',
    );
  }
  for (const [index, method] of methods.entries()) {
    if (!learnsVectors(method)) {
      add(['methods', index, 'losses'], 'learn classes, and those of another method vectors: give each a recipe');
    } else if (method.level !== 'gray-box') {
      add(['methods', index, 'level'], 'vectors come from a `gray-box` teacher: choose that level');
    }
    for (const key of CHOSEN_BY_CLASSES) if (method[key] !== undefined) add(['methods', index, key], why);
  }
  for (const key of ['class', 'question', ...CONDITION_MEASURES] as const) {
    if (check[key] !== undefined && !(MEASURED as readonly string[]).includes(key)) add(['check', key], why);
  }
}

/** The same inputs, of which nobody knows or needs labels. */
export function withoutLabels(data: RecipeData): UnlabelledDataset | ShardedDataset {
  if (isSharded(data)) return {...data, classes: []};
  const {train, test, written} = data;
  return {
    classes: [],
    train: {role: 'train', inputs: train.inputs},
    test: {role: 'test', inputs: test.inputs},
    ...(written && {written}),
  };
}

/**
 * Makes a student to look at, and checks that it gives what the methods learn.
 *
 * @throws InputError if it gives classes where vectors are learned, or the reverse
 */
export function builtFor(build: StudentBuilder, task: Task, seed: number, givesVectors: boolean): Student {
  // A student of classes can't be made without any, and is to be told by its own name.
  const student = build(givesVectors ? {...task, classes: ['no', 'yes']} : task, seed);
  const {name} = student.model;
  if ((student.output === 'vector') === givesVectors) return student;
  student.model.dispose();
  throw new InputError(
    givesVectors
      ? `The methods learn vectors, and student ${name} gives classes. Make it one of vectors: \`withVectors(student, 384)\`, with the length of the vectors.`
      : `Student ${name} gives vectors, and the methods learn classes. Leave \`withVectors\` out, or learn vectors, by \`vectorCosine()\`.`,
  );
}
