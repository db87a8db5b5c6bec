import {tensorInputs} from '../data/batch.ts';
import {
  type Dataset,
  drawExamples,
  isLabelled,
  type Split,
  type TransferSet,
  transferSet,
  type Unlabelled,
  type UnlabelledDataset,
} from '../data/split.ts';
import {countWritten} from '../data/texts/written.ts';
import {versionsOf} from '../data/versions.ts';
import {imagesOf} from '../data/view.ts';
import {readFolder} from '../encoder/folder.ts';
import {startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import {type CascadeTarget, calibrationSize} from '../evaluate/guarantee.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {LEVELS} from '../levels.ts';
import {hardLabels} from '../losses/hard-labels.ts';
import {planOf} from '../select/options.ts';
import {featureShapes} from '../student/forward.ts';
import {scaleNote} from '../student/standardise-columns.ts';
import type {StudentBuilder, Task} from '../student/student.ts';
import type {Access} from '../teacher.ts';
import {BATCH_SIZE, epochsOf} from '../train/defaults.ts';
import {methodAbout} from './by-question.ts';
import {checkMethod, detailOf, methodFolder, type PlannedMethods, planMethods, type QueryPlan} from './methods.ts';
import type {Method, Recipe, TrainingOptions} from './recipe.ts';
import {studentsOf} from './students.ts';
import {type TaskOptions, taskOf} from './task.ts';

/** The training inputs that were drawn, with true labels if there are any. */
export type Drawn = Split<'train'> | Unlabelled<'train'>;

/** A recipe with its data and all that follows from both. It is made once and passed down. */
export interface ResolvedRecipe
  extends Omit<Recipe, 'questions' | 'data' | 'student' | 'methods' | 'budgets' | keyof TaskOptions>,
    PlannedMethods {
  readonly data: Dataset | UnlabelledDataset;
  /** The teachers are asked about these inputs; the baseline has their labels. */
  readonly drawn: Drawn;
  readonly training: TrainingOptions;
  /** Undefined if all methods learn from all inputs that were drawn. */
  readonly budgets: Budgets | undefined;
  /** The recipe's student, or those that each run chooses among. */
  readonly students: readonly StudentBuilder[];
  /** The task that every student must fit. */
  readonly task: Task;
  /** Parts of the answers in cross-fitting. */
  readonly folds: number;
  /** How many students each run trains before its own, to choose one and to calibrate it. */
  readonly trials: number;
  /** The levels that methods learn from, the one that shows least first. */
  readonly levels: readonly Access[];
  /** The level that students are measured against. */
  readonly reference: Access;
  /** How many of so many answers are set apart to calibrate students. */
  calibrationSizeOf(answers: number): number;
  /** Says that columns of the inputs differ in scale by far, which costs students more than most settings do. */
  scaleNote(): string | undefined;
  /** The inputs that a plan asks about: those that were drawn, or the versions of them that its method learns from. */
  transferOf(plan: QueryPlan): TransferSet;
}

/** The budgets that methods are compared at. */
export interface Budgets {
  /** Numbers of drawn inputs, ascending. */
  readonly sizes: readonly number[];
  /** Optimizer steps of every run. */
  readonly steps: number;
}

/** In how many parts the answers are divided if a recipe says nothing else. */
export const FOLDS = 5;

/**
 * Starts the engine, reads the data of a recipe, and works out once what every stage of a study needs to know.
 *
 * @throws InputError if a method or a student can't learn what it is to learn
 */
export async function resolveRecipe(recipe: Recipe): Promise<ResolvedRecipe> {
  const {questions, student: _, preprocessing, images, records, training = {}, budgets: sizes, ...others} = recipe;
  if (questions) {
    throw new InputError(
      `Recipe ${recipe.name} has \`questions\`, and one is needed here. Choose it with \`--question\`.`,
    );
  }
  // Before the data, which may take long to read.
  const given = recipe.methods.map(method => methodAbout(method));
  for (const method of planMethods(given, recipe.teachers).methods) checkMethod(method);
  await startEngine();
  const data = await recipe.data();
  const methods = sizes ? withBaselines(given, isLabelled(data)) : given;
  const planned = planMethods(methods, recipe.teachers);
  const students = studentsOf(recipe, data.train.inputs);
  const folds = recipe.calibration?.folds ?? FOLDS;
  const target = cascadeTarget(recipe);
  const budgets = sizes && budgetsOf(recipe, sizes);
  const transfer = budgets ? {...recipe.transfer, size: budgets.sizes.at(-1)!} : recipe.transfer;
  const drawn = drawExamples(data.train, transfer);
  const inputs = transferSet(drawn);
  const task = await taskOf(data, {preprocessing, images, records});
  const resolved = {
    ...others,
    ...planned,
    data,
    transfer,
    training: budgets ? {...training, epochs: undefined, steps: budgets.steps} : training,
    budgets,
    students,
    task,
    scaleNote: () => scaleNote(data.train.inputs, task.preprocessing),
    folds,
    trials: students.length > 1 || recipe.calibration ? students.length * folds : 0,
    calibrationSizeOf: (answers: number) => calibrationSize(answers, target, recipe.calibration?.share),
    levels: LEVELS.filter(access => planned.queryPlans.some(({level}) => level === access)),
    reference: referenceLevel(recipe),
    drawn,
    transferOf: ({views}: QueryPlan) => (views ? {...inputs, ...versionsOf(drawn.inputs, views)} : inputs),
  };
  checkTruth(resolved);
  checkWritten(resolved);
  checkAssistant(resolved);
  checkInputs(resolved);
  checkStudents(resolved);
  return resolved;
}

/** The budgets of a recipe, with the steps that its training takes for as many inputs as it draws without them. */
function budgetsOf({training = {}, transfer}: Recipe, given: readonly number[]): Budgets {
  const sizes = [...given].sort((one, other) => one - other);
  const {batchSize = BATCH_SIZE, epochs, steps} = training;
  if (steps !== undefined) return {sizes, steps};
  const inputs = epochs === undefined ? sizes.at(-1)! : transfer.size;
  return {sizes, steps: epochsOf(training, inputs) * Math.ceil(inputs / batchSize)};
}

/** Adds the methods that every budget is held against, after those of the recipe. */
function withBaselines(methods: readonly Method[], isTruthKnown: boolean): readonly Method[] {
  const names = new Set(methods.map(({method}) => methodFolder(method).toLowerCase()));
  const nameOf = (name: string) => (names.has(methodFolder(name)) ? `${name} (baseline)` : name);
  const losses = [hardLabels()];
  const truth: Method = {level: 'none', method: nameOf('true labels'), losses};
  const labels: Method = {level: 'black-box', method: nameOf('labels'), losses};
  return [
    ...methods,
    ...(isTruthKnown && !methods.some(({level}) => level === 'none') ? [truth] : []),
    ...(methods.some(isLabelsAlone) ? [] : [labels]),
  ];
}

/** Whether a method learns from the teacher's labels as they are. */
function isLabelsAlone({level, asks, select, views, ...method}: Method): boolean {
  const isPlain = asks === undefined && select === undefined && views === undefined;
  return isPlain && level !== 'none' && detailOf({level, ...method}).kind === 'label';
}

/** The level that shows most of those that the recipe has a teacher for: students are measured against it. */
export function referenceLevel({teachers}: Pick<Recipe, 'teachers'>): Access {
  return LEVELS.findLast(level => teachers[level] !== undefined)!;
}

/** The promise that a recipe's cascades are to keep; undefined if nothing is promised. */
export function cascadeTarget({calibration}: Pick<Recipe, 'calibration'>): CascadeTarget | undefined {
  const {agreement, confidence = 0.95} = calibration ?? {};
  return agreement === undefined ? undefined : {agreement, confidence};
}

/**
 * Checks that nothing learns from true labels, or stops by them, if there are none.
 *
 * @throws InputError
 */
function checkTruth({methods, training, data}: ResolvedRecipe): void {
  if (isLabelled(data)) return;
  const untaught = methods.find(({level}) => level === 'none');
  if (untaught !== undefined) {
    throw new InputError(
      `Method \`${untaught.method}\` learns from true labels, and the data have none. Leave it out, or give the data labels and a validation split.`,
    );
  }
  if (training.earlyStopping !== undefined) {
    throw new InputError(
      '`training.earlyStopping` needs a validation split with true labels, and the data have none. Leave it out.',
    );
  }
}

/**
 * Checks that nothing is promised by texts that were written: what a model writes is not drawn as requests are.
 *
 * @throws InputError
 */
function checkWritten({data: {train, written}, calibration}: ResolvedRecipe): void {
  const count = countWritten(train.inputs, written);
  if (count === 0 || calibration?.agreement === undefined) return;
  throw new InputError(
    `\`calibration.agreement\` promises something about your own inputs, and ${count} of ${train.inputs.count} training ` +
      'inputs were written by a model. Leave it out, or leave `written` out of the data.',
  );
}

/** @throws InputError if an assistant can't read the inputs, or its encoder is not there */
function checkAssistant({assistant, data: {train}}: ResolvedRecipe): void {
  if (assistant === undefined) return;
  const {kind} = train.inputs;
  const [reads, wanted] = 'encoder' in assistant ? (['text', 'texts'] as const) : (['tensor', 'tensors'] as const);
  if (kind !== reads) {
    const other =
      kind === 'text'
        ? 'Give it an `encoder`.'
        : kind === 'tensor'
          ? 'Give it `model` and `feature`.'
          : 'Leave it out.';
    throw new InputError(`\`assistant\` reads ${wanted}, but the inputs are ${inputsOfKinds(kind)}. ${other}`);
  }
  if ('encoder' in assistant) readFolder(assistant.encoder);
}

/**
 * Checks that methods that choose their inputs have some to choose from, and calls left to choose by; and that the inputs
 * have views if methods learn from them.
 *
 * @throws InputError that names the method
 */
function checkInputs({methods, transfer: {size}, calibrationSizeOf, data: {train}}: ResolvedRecipe): void {
  for (const {method, select, views} of methods) {
    if (select !== undefined) {
      try {
        planOf(train.inputs, {...select, most: size, seed: 0, calibration: calibrationSizeOf(size)});
      } catch (error) {
        throw new InputError(`Method \`${method}\`, \`select\`: ${(error as Error).message}`, {cause: error});
      }
    }
    if (views === undefined) continue;
    const {name, takesPartner} = views.view;
    imagesOf(tensorInputs(train.inputs, `Method \`${method}\` learns from views, and view \`${name}\``), views.view);
    if (takesPartner && size < 2) {
      throw new InputError(
        `Method \`${method}\`: \`${name}\` mixes inputs, and there is one. Raise \`transfer.size\`.`,
      );
    }
  }
}

/**
 * Checks that every student fits the data and has the layers that losses compare.
 *
 * @throws InputError
 */
function checkStudents({students, task, seeds, methods}: ResolvedRecipe): void {
  for (const build of students) {
    // Its layers are known once it is prepared, which takes answers.
    if (build.preparation) {
      build.preparation.check(task);
      continue;
    }
    const student = build(task, seeds[0]!);
    for (const {losses} of methods) {
      for (const {studentFeatures} of losses) featureShapes(student, studentFeatures);
    }
    student.model.dispose();
  }
}
