import {availableParallelism} from 'node:os';
import type {JointKnowledge} from '../ask/joint-knowledge.ts';
import {isLabelled} from '../data/split.ts';
import {type Engine, threadsSet} from '../engine/engine.ts';
import {KnowledgeError, LimbeckError} from '../errors.ts';
import {countOf} from '../knowledge/knowledge.ts';
import type {LossTerm} from '../losses/loss.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import type {Student, StudentBuilder, Task} from '../student/student.ts';
import {epochsOf} from '../train/defaults.ts';
import type {AnyKnowledge} from '../train/lessons.ts';
import type {Epoch, TrainOptions} from '../train/options.ts';
import {type Run, startRun} from '../train/run.ts';
import {train} from '../train/train.ts';
import type {JointSplit} from '../train/validation.ts';
import type {Assistants, Assisted} from './assistants.ts';
import {assistedTraining} from './assisted-training.ts';
import {type ExpectedNext, expectNext} from './expect-next.ts';
import type {AssistantUse, CurvePoint, TaughtMethod} from './methods.ts';
import {Preparations} from './preparations.ts';

export interface TrainerOptions {
  readonly signal?: AbortSignal | undefined;
  readonly assistants?: Assistants | undefined;
  /**
   * Encodings are kept below it.
   *
   * @default not kept
   */
  readonly cacheFolder?: string | undefined;
}

/** Trains the students of a study: all by the same schedule, and those of one seed from the same weights. */
export class Trainer {
  readonly #task: Task;
  readonly #first: StudentBuilder;
  /** Whether all runs take the same number of steps. */
  readonly #areEqual: boolean;
  readonly #shared: Omit<TrainOptions, 'losses' | 'seed'>;
  readonly #assistants: Assistants | undefined;
  readonly #preparations: Preparations;

  constructor(recipe: ResolvedRecipe, {signal, assistants, cacheFolder}: TrainerOptions = {}) {
    const {task, students, training, data, budgets} = recipe;
    this.#assistants = assistants;
    this.#preparations = new Preparations(recipe, {directory: cacheFolder, signal});
    this.#task = task;
    this.#first = students[0]!;
    this.#areEqual = budgets !== undefined;
    this.#shared = {...training, validation: isLabelled(data) ? data.validation : undefined, signal};
  }

  /**
   * A student before its first step. The same seed gives the same weights.
   *
   * @param method - with what the student will learn from
   * @param build - the recipe's first student if nothing else is said
   */
  async fresh(seed: number, method: TaughtMethod, build: StudentBuilder = this.#first): Promise<Student> {
    return (await this.#preparations.prepared(build, method))(this.#task, seed);
  }

  /** Number of epochs of a training on so many examples. */
  epochsOver(examples: number): number {
    return epochsOf(this.#shared, examples);
  }

  /** Trains a student by a method, from what the method learns from, and from the labels of an assistant if there is one. */
  async *train(
    student: Student,
    method: TaughtMethod,
    seed: number,
    {onAssistant, ...own}: OwnOptions & {readonly onAssistant?: (use: AssistantUse) => void} = {},
  ): AsyncGenerator<Epoch, void, void> {
    const {knowledge} = method;
    const assisted = await this.#assisted(method, seed);
    if (assisted) onAssistant?.(assisted.use);
    const learned = assisted?.knowledge ?? knowledge;
    const suited = assisted?.knowledge
      ? assistedTraining(student, {...assisted.use, count: assisted.knowledge.count}, this.#shared)
      : {};
    yield* train(student, learned, {...this.#options({...method, knowledge: learned}, seed), ...suited, ...own});
  }

  /** Whether an assistant teaches a student of a method. It does not if it was left out. */
  async isAssisted(method: TaughtMethod, seed: number): Promise<boolean> {
    return (await this.#assisted(method, seed))?.knowledge !== undefined;
  }

  async #assisted({knowledge, allAnswers = knowledge}: TaughtMethod, seed: number): Promise<Assisted | undefined> {
    return this.#assistants?.teach(knowledge, allAnswers, seed);
  }

  /** See `expectNext`. An assistant that was left out has no say. */
  async expectNext(
    method: TaughtMethod,
    seed: number,
    assistant: AssistantUse | undefined,
  ): Promise<ExpectedNext | undefined> {
    const vectors = assistant?.weight ? this.#assistants?.vectorsOf(method.knowledge.classes) : undefined;
    return expectNext(method, seed, vectors);
  }

  /** See `Assistants.identity`. */
  get assistantIdentity(): object | undefined {
    return this.#assistants?.identity;
  }

  /** Trains a student of several questions. Throws as `train` does. */
  trainJointly(
    student: Student,
    training: JointTraining,
    seed: number,
    own?: OwnOptions,
  ): AsyncGenerator<Epoch, void, void> {
    return train(student, training.knowledge, this.#options(training, seed, own));
  }

  /** A run before its first step, as `trainJointly` starts it. */
  startJointly(student: Student, training: JointTraining, seed: number): Promise<Run> {
    return startRun(student, training.knowledge, this.#options(training, seed));
  }

  /**
   * A first student, trained by a method to choose what is asked next. It learns from answers and their texts alone: an
   * assistant would show it the texts that it is measured on.
   */
  async chooser(method: TaughtMethod, seed: number): Promise<Student> {
    const build = await this.#preparations.preparedBy(this.#first, [method.knowledge]);
    const student = build(this.#task, seed);
    // Validation costs time, and tells nothing here but when to stop.
    const own = this.#shared.earlyStopping ? {} : {validation: undefined};
    for await (const _epoch of train(student, method.knowledge, this.#options(method, seed, own)));
    return student;
  }

  /** A run before its first step, as `train` starts it. */
  start(student: Student, method: TaughtMethod, seed: number): Promise<Run> {
    return startRun(student, method.knowledge, this.#options(method, seed));
  }

  #options(training: Training, seed: number, own: OwnOptions = {}): TrainOptions {
    const {losses, viewing, knowledge} = training;
    const equal = this.#areEqual ? this.#equalLength(knowledge) : {};
    const validation = 'validation' in training ? {validation: training.validation} : {};
    return {...this.#shared, ...validation, ...equal, ...viewing, losses, seed, ...own};
  }

  /** As many steps for any number of examples. Few examples have many epochs, and not all of them are measured. */
  #equalLength(knowledge: AnyKnowledge): Pick<TrainOptions, 'exactSteps' | 'validateEvery'> {
    const {validateEvery = 1, earlyStopping} = this.#shared;
    if (earlyStopping) return {exactSteps: true, validateEvery};
    const epochs = epochsOf(this.#shared, countOf(knowledge) / (knowledge.versions ?? 1));
    return {exactSteps: true, validateEvery: Math.max(validateEvery, Math.ceil(epochs / MEASUREMENTS))};
  }
}

/** What students learn from. */
interface Training extends Pick<TrainOptions, 'losses'>, Pick<TaughtMethod, 'viewing'> {
  readonly knowledge: AnyKnowledge;
  readonly validation?: JointSplit | undefined;
}

/** What students of several questions learn from. */
export interface JointTraining extends Training {
  readonly knowledge: JointKnowledge;
  readonly losses: Readonly<Record<string, readonly LossTerm[]>>;
  /** Undefined if no question has true labels. */
  readonly validation: JointSplit | undefined;
}

/** How often a run of a study with budgets is measured on validation, at most. */
const MEASUREMENTS = 20;

/**
 * How many threads each student of a study is trained with in a worker: what is left of the cores when all of its runs
 * train side by side. The number of workers has no say in it, since sums that are split among more threads end with other
 * last bits.
 */
export function threadsPerStudent(
  {methods, seeds, budgets}: Pick<ResolvedRecipe, 'methods' | 'seeds'> & Partial<Pick<ResolvedRecipe, 'budgets'>>,
  cores: number = availableParallelism(),
): number {
  return (
    threadsSet() ?? Math.max(1, Math.floor(cores / (methods.length * seeds.length * (budgets?.sizes.length ?? 1))))
  );
}

/** The part of a study that computes. */
interface StudyEngine {
  readonly engine: Engine | undefined;
}

/** The engine of a study that computes. */
export function engineOf({engine}: StudyEngine): Engine {
  if (engine === undefined) throw new TypeError('This study only asks, and has no engine.');
  return engine;
}

/** The parts of a study that decide about threads. */
interface StudyThreads extends StudyEngine {
  readonly workers: object | undefined;
  readonly recipe: Parameters<typeof threadsPerStudent>[0];
}

/** How many threads share an operation while the students of a study are trained, in workers or in this process. */
export function trainingThreads({workers, recipe, ...study}: StudyThreads): number {
  const engine = engineOf(study);
  return workers && engine.name === 'native' ? threadsPerStudent(recipe) : engine.threads;
}

/** Called after every step of a training. */
export type OnStep = (progress: {readonly step: number; readonly steps: number}) => void;

/** The options of one training. */
export type OwnOptions = Partial<Omit<TrainOptions, 'losses' | 'seed' | 'view' | 'teacher'>>;

/** An epoch as a point of a run's curve. */
export function pointOf({epoch, step, loss, validation}: Epoch): CurvePoint {
  return {epoch, step, loss, validationAccuracy: validation?.accuracy ?? null};
}

/** The same for one question of several, which the student answers together. */
export function questionPointOf({epoch, step, questions}: Epoch, name: string): CurvePoint {
  const {loss, validation} = questions![name]!;
  return {epoch, step, loss, validationAccuracy: validation?.accuracy ?? null};
}

/** Why a training came to nothing. */
export interface Failure {
  readonly failure: string;
}

/** An error that a training may end with is an outcome; an abort, and a fault of the program's own, end the study. */
export function failureOf(signal: AbortSignal | undefined): (error: unknown) => Failure {
  return error => {
    signal?.throwIfAborted();
    if (error instanceof LimbeckError) return {failure: error.message};
    throw error;
  };
}

/**
 * Checks that true labels teach a method that learns from them, and no other: one of a level of access learns from the
 * answers of its teacher alone.
 *
 * @throws KnowledgeError
 */
export function checkSource({level, method, knowledge: {source}}: TaughtMethod): void {
  if ((source.access === 'truth') === (level === 'none')) return;
  const [wanted, given] =
    level === 'none'
      ? ['true labels', `the answers of a ${source.access} teacher`]
      : [`the answers of a ${level} teacher`, 'true labels'];
  throw new KnowledgeError(
    `Method \`${method}\` learns from ${wanted}, and the knowledge that it was given holds ${given}. Ask its teacher anew: \`limbeck label\`.`,
  );
}
