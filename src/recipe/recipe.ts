import type {DetailByQuestion} from '../ask/collect-questions.ts';
import type {AssistantOptions, UnlabelledOptions} from '../assistant/assistant.ts';
import type {ShardedDataset} from '../data/shards/dataset.ts';
import type {Dataset, DrawOptions, UnlabelledDataset} from '../data/split.ts';
import type {VersionOptions} from '../data/versions.ts';
import type {LossTerm} from '../losses/loss.ts';
import type {Question} from '../question.ts';
import type {Selection} from '../select/options.ts';
import type {StudentBuilder} from '../student/student.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import type {TrainOptions} from '../train/options.ts';
import type {CalibrationOptions, RepeatabilityOptions} from './calibration.ts';
import type {RecipeConditions} from './conditions.ts';
import type {TaskOptions} from './task.ts';
import type {TeacherSource} from './teacher-source.ts';
import type {WritingOptions} from './writing.ts';

export type {CalibrationOptions, RepeatabilityOptions} from './calibration.ts';

/** What the data of a recipe can be. */
export type RecipeData = Dataset | UnlabelledDataset | ShardedDataset;

/** One file that says what is compared: data, teachers, student, methods, schedule. */
export interface Recipe<Data extends RecipeData = RecipeData> extends TaskOptions {
  /** Names the folder of results, so letters, digits, dots, hyphens and underscores. */
  readonly name: string;
  /**
   * The questions that one student answers together. The teachers have them as well. Each is measured for itself.
   *
   * @default one: which of the classes of the data?
   */
  readonly questions?: readonly Question[] | undefined;
  /**
   * Reads the data. Called once, when it is needed; with `questions` once for each, with that question. The inputs must be
   * the same for all, in the same order. Without true labels the teacher's stand for them. Training inputs in shards
   * (`textShards`) are read by range where one is asked for.
   */
  readonly data: (question?: Question) => Data | Promise<Data>;
  /** How many training inputs the teachers are asked about, and the seed that draws them. */
  readonly transfer: DrawOptions;
  /**
   * One teacher a level of access; only the levels that the methods name are needed. Methods of a level without one learn
   * from the answers of the next level that has one, and see of them no more than their own level shows.
   */
  readonly teachers: {readonly [A in Access]?: TeacherSource<A>};
  /** A teacher's model that the recipe can make again (`--retrain-teacher`). */
  readonly teacherModel?: TeacherModel;
  /**
   * The student that every method trains. Among several, each run chooses for itself: all are trained by cross-fitting, see
   * `CalibrationOptions`, and the one that agrees most often with the answers that it did not learn from is trained on all
   * that are not set apart. This takes no true labels, and one training more for each student and part.
   *
   * `'auto'` is for texts: `hashedNgrams`, with 96 units if there is an assistant, and `staticEmbedding` by the encoder of the
   * assistant, or else by the first that was added; without an encoder `hashedNgrams` alone.
   */
  readonly student: StudentBuilder | readonly StudentBuilder[] | 'auto';
  readonly methods: readonly (Method | QuestionsMethod)[];
  /** One run of every method a seed; methods share initial weights and batches at the same seed. */
  readonly seeds: readonly number[];
  /**
   * Numbers of training inputs at which methods are compared. The inputs of one budget are among those of the next, and
   * `transfer.size` becomes the largest. Students take the same number of steps at every budget: as many as `training` takes
   * for `transfer.size` inputs. Two baselines are added if no method is like them: true labels, if they are known, and the
   * teacher's labels.
   *
   * @default one budget, `transfer.size`
   */
  readonly budgets?: readonly number[] | undefined;
  /**
   * How students are trained, the same for all methods.
   *
   * @default the defaults of `TrainOptions`, which suit most students of vectors, texts and small images
   */
  readonly training?: TrainingOptions | undefined;
  /**
   * How students learn how sure they may be.
   *
   * @default not: their softmax is taken as it is
   */
  readonly calibration?: CalibrationOptions;
  /**
   * Labels the inputs of the training split that no teacher is asked about, so that students learn from all of them.
   *
   * @default not: students learn from the teacher's answers alone
   */
  readonly assistant?: AssistantOptions | FeatureAssistantOptions | undefined;
  /**
   * Whether methods learn from the scores of a gray-box service that gives other ones each time it is asked. The first
   * inputs of the transfer set are asked about twice to find out; if the distributions differ by more than 0.01 nats of
   * KL divergence on the mean, methods of that level learn from its labels instead.
   *
   * @default false
   */
  readonly trustsScores?: boolean;
  /**
   * True if you have the permission of a provider whose terms forbid to train models on its answers. Without it `label` and
   * `compare` buy none from such a provider.
   *
   * @default false
   */
  readonly hasPermission?: boolean | undefined;
  /**
   * Conditions on the results, such as `{agreement: '>= 97%', cost: '< 5usd'}`. `compare` says whether they hold, and
   * `limbeck check` fails if one does not.
   *
   * @default none
   */
  readonly check?: RecipeConditions | undefined;
  /**
   * Whether `compare` measures how often the teacher that students are measured against names the same class again. No
   * student agrees much more often with a teacher that does not always agree with itself. The second answers are paid for;
   * a model in this process that shows its logits is not asked.
   *
   * @default not
   */
  readonly repeatability?: RepeatabilityOptions | undefined;
  /**
   * Who writes texts for `limbeck write`.
   *
   * @default nobody
   */
  readonly writer?: WritingOptions | undefined;
}

/** The parts of a recipe that a command may replace. */
export type RecipeChanges = Partial<Pick<Recipe, 'budgets' | 'seeds'>>;

/** A model that is trained on true labels, to be a teacher. */
export interface TeacherModel extends TaskOptions {
  /** The folder that it is saved in. */
  readonly directory: string;
  readonly student: StudentBuilder;
  readonly losses: readonly LossTerm[];
  readonly seed: number;
  /** @default the defaults of `TrainOptions` */
  readonly training?: TrainingOptions | undefined;
}

export type TrainingOptions = Pick<
  TrainOptions,
  | 'epochs'
  | 'steps'
  | 'batchSize'
  | 'balance'
  | 'optimizer'
  | 'schedule'
  | 'clipNorm'
  | 'validateEvery'
  | 'earlyStopping'
  | 'questionWeights'
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
   * The detail of its answers: fuller ones are coarsened to it.
   *
   * @default the least that `losses` need
   */
  readonly detail?: Detail;
  readonly losses: readonly LossTerm[];
  /**
   * How this method asks its level's teacher, for example `teacher => repeat(teacher, {samples: 32})`. What it is answered
   * is then its own, and counted for itself.
   *
   * @default as it is, once for all methods of the level that do
   */
  readonly asks?: (teacher: Teacher) => Teacher;
  /**
   * Augmented versions of each input that this method learns from as well.
   *
   * @default none
   */
  readonly views?: MethodViews;
  /**
   * How the inputs that this method learns from are chosen: in rounds, by students that are trained as its own are from the
   * recipe's first seed. They are training inputs, any of them, at most as many as `transfer.size`, and its own.
   *
   * @default they are those of `transfer`, drawn at random
   */
  readonly select?: Selection;
  /**
   * Whether T and λ of its losses are tuned before its students are trained, and what is tried: by successive halving, at
   * the recipe's first seed and with its first student. Judged by accuracy on validation, or, if nobody knows the true
   * labels, by how often students agree with answers that they did not learn from; never on the test split.
   *
   * @default not: the losses are taken as they are
   */
  readonly tune?: true | TuneOptions | undefined;
}

/** A method of a recipe with `questions`, which can learn each of them in its own way. */
export interface QuestionsMethod extends Omit<Method, 'detail' | 'losses'> {
  /**
   * The detail of its answers: for all questions, or an object by question.
   *
   * @default the least that the losses of a question need
   */
  readonly detail?: Detail | DetailByQuestion;
  /** For all questions, or an object with those of each question. */
  readonly losses: readonly LossTerm[] | {readonly [question: string]: readonly LossTerm[]};
}

/**
 * The views of inputs that a method learns from. The student always sees what was answered: an epoch takes one version of
 * each input, another one each time, so that epochs are as long as those of other methods.
 */
export interface MethodViews extends Pick<VersionOptions, 'view' | 'clean'> {
  /**
   * How many views of each input the teacher is asked about. They are this method's own, and counted for themselves.
   *
   * @default a new one each epoch, of which a white-box teacher in this process is asked there and then; true labels hold
   * for all. Of another teacher none: it is asked about the inputs as they are
   */
  readonly count?: number;
}

/** The settings that are tried to tune a method: each of these temperatures with each of these weights. */
export interface TuneOptions {
  /**
   * T of all terms that have one.
   *
   * @default 1, 2, 4, 8, 20 and those that the losses have
   */
  readonly temperatures?: readonly number[];
  /**
   * Factors of λ for every term but the first: the first stays, and its weight against the others changes.
   *
   * @default 0.3, 1 and 3
   */
  readonly weights?: readonly number[];
  /**
   * η of successive halving: of the weights at each temperature, one in so many goes on to the next rung, where each is
   * trained for so many times the epochs. Each trial is a whole training with its own schedule; in the last rung, with all
   * epochs of the recipe, the best weights of each temperature are held against each other.
   *
   * @default 3
   */
  readonly reduction?: number;
}

/** An assistant that reads tensors, such as images: its encoder is a layer of any local model. */
export interface FeatureAssistantOptions extends UnlabelledOptions {
  /** A model in this process, such as `tfjs` and `onnx` open. Its own classes don't matter. */
  readonly model: TeacherSource<'white-box'>;
  /** One of the features that it shows, by its name. */
  readonly feature: string;
}
