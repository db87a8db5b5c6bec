import type {Dataset, DrawOptions, UnlabelledDataset} from '../data/split.ts';
import type {LossTerm} from '../losses/loss.ts';
import type {Preprocessing} from '../student/preprocessing.ts';
import type {StudentBuilder} from '../student/student.ts';
import type {Access, Detail, Price, Teacher} from '../teacher.ts';
import type {TrainOptions} from '../train/options.ts';

/** One file that says what is compared: data, teachers, student, methods, schedule. */
export interface Recipe<Data extends Dataset | UnlabelledDataset = Dataset | UnlabelledDataset> {
  /** Names the folder of results, so letters, digits, dots, hyphens and underscores. */
  readonly name: string;
  /** Reads the data. Called once, when it is needed. Without true labels the teacher's stand for them. */
  readonly data: () => Data | Promise<Data>;
  /** How many training inputs the teachers are asked about, and the seed that draws them. */
  readonly transfer: DrawOptions;
  /** One teacher a level of access; only the levels that the methods name are needed. */
  readonly teachers: {readonly [A in Access]?: TeacherSource<A>};
  /** A teacher's model that the recipe can make again (`--retrain-teacher`). */
  readonly teacherModel?: TeacherModel;
  /**
   * The student that every method trains. Among several, each run chooses for itself: all are trained by cross-fitting, see
   * `CalibrationOptions`, and the one that agrees most often with the answers that it did not learn from is trained on all
   * of them. This takes no true labels, and one training more for each student and part.
   */
  readonly student: StudentBuilder | readonly StudentBuilder[];
  /**
   * How raw inputs become the student's.
   *
   * @default values as they are
   */
  readonly preprocessing?: Preprocessing;
  readonly methods: readonly Method[];
  /** One run of every method a seed; methods share initial weights and batches at the same seed. */
  readonly seeds: readonly number[];
  /** The schedule that all methods share. */
  readonly training: TrainingOptions;
  /**
   * How students learn how sure they may be.
   *
   * @default not: their softmax is taken as it is
   */
  readonly calibration?: CalibrationOptions;
}

/**
 * A student is calibrated by cross-fitting: for each part of what it learns from, another one is trained on the other
 * parts and asked about that part. Every answer that was paid for trains the student, and none judges one that knows it.
 */
export interface CalibrationOptions {
  /**
   * In how many parts the answers are divided; as many more students are trained.
   *
   * @default 5
   */
  readonly folds?: number;
  /**
   * How often a cascade of student and teacher is to agree with the teacher, from 0 to 1. It sets the confidence below
   * which the student abstains.
   *
   * @default the student answers everything
   */
  readonly agreement?: number;
}

/** Makes a teacher. Opens nothing before it is asked. */
export type TeacherSource<A extends Access> = (context: TeacherContext) => Teacher<A> | Promise<Teacher<A>>;

export interface TeacherContext {
  /**
   * Publishes a saved model as a service on this machine that shows no more than `access` allows. The service starts
   * when its address is first needed and stops with the study.
   */
  publish(directory: string, options: PublishOptions): Promise<Publication>;
}

export interface PublishOptions {
  readonly access: 'gray-box' | 'black-box';
  /** Shows only the k most probable classes (gray-box). */
  readonly topK?: number;
}

/** What an adapter needs to speak to a published model. */
export interface Publication {
  /** Stands for the address in the cache key: ports change, the model does not. */
  readonly service: string;
  readonly model: string;
  /** A hash of all of the model that can change an answer: weights, layers, preprocessing. */
  readonly version: string;
  readonly url: () => Promise<string>;
  /** Nothing: it runs on this machine. */
  readonly price: Price;
}

/** A model that is trained on true labels, to be a teacher. */
export interface TeacherModel {
  /** Where it is saved. */
  readonly directory: string;
  readonly student: StudentBuilder;
  readonly preprocessing?: Preprocessing;
  readonly losses: readonly LossTerm[];
  readonly seed: number;
  readonly training: TrainingOptions;
}

export type TrainingOptions = Pick<
  TrainOptions,
  'epochs' | 'batchSize' | 'balance' | 'optimizer' | 'schedule' | 'clipNorm' | 'validateEvery' | 'earlyStopping'
> &
  // A teacher's own training may augment: its labels hold for every view.
  Pick<TrainOptions, 'view'>;

/** One way to learn from one level of access. */
export interface Method {
  /** `none` learns from true labels alone. */
  readonly level: 'none' | Access;
  /** Its name in tables and plots; no two methods share one. */
  readonly method: string;
  /**
   * What its answers hold: fuller ones are coarsened to it.
   *
   * @default the least that `losses` need
   */
  readonly detail?: Detail;
  readonly losses: readonly LossTerm[];
}
