import {mkdir, readFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {z} from 'zod';
import {replaceFile} from '../../data/files.ts';
import {isLabelled} from '../../data/split.ts';
import {accuracy} from '../../evaluate/metrics.ts';
import type {PlannedMethod} from '../../recipe/methods.ts';
import type {Setting} from '../../recipe/settings.ts';
import type {Student} from '../../student/student.ts';
import {digestOf, fingerprintOf} from '../../train/fingerprint.ts';
import {crossFit} from '../cross-fit.ts';
import {taught} from '../divide.ts';
import type {AnsweredMethod, CurvePoint, TaughtMethod, Trial} from '../methods.ts';
import type {Study} from '../study.ts';
import {checkSource, type OnStep, pointOf} from '../training.ts';

/** The outcome of one try. */
export interface TrialOutcome {
  /** Higher is better. */
  readonly score: number;
  /** In cross-validation the mean over its students. */
  readonly curve: readonly CurvePoint[];
}

export type OnShare = (share: number) => void;

/**
 * Trains the first student of a recipe by one setting of a method, for so many epochs, at the recipe's first seed, and
 * judges it: by accuracy on validation, of the weights that a run would keep; or, if nobody knows the true labels, by
 * agreement in cross-validation. Saves nothing.
 */
export async function tryOut(
  study: Study,
  method: AnsweredMethod,
  epochs: number,
  onShare: OnShare = () => {},
): Promise<TrialOutcome> {
  checkSource(method);
  const judge = isLabelled(study.recipe.data) ? onValidation : inCrossValidation;
  return judge(study, taught(method), epochs, onShare);
}

type TrialOf = readonly [study: Study, method: TaughtMethod, epochs: number, onShare: OnShare];

async function onValidation(...[study, method, epochs, onShare]: TrialOf) {
  const {student, curve, best} = await trained(study, method, epochs, onShare);
  student.model.dispose();
  return {score: best, curve};
}

async function inCrossValidation(...[study, method, epochs, onShare]: TrialOf) {
  const {recipe, signal} = study;
  const {folds, seeds} = recipe;
  const curves: (readonly CurvePoint[])[] = [];
  const {logits, labels} = await crossFit(method.knowledge, {
    folds,
    seed: seeds[0]!,
    signal,
    async train(part, fold) {
      const {student, curve} = await trained(
        study,
        {allAnswers: method.knowledge, ...method, knowledge: part},
        epochs,
        share => onShare((fold + share) / folds),
      );
      curves.push(curve);
      return student;
    },
  });
  return {score: accuracy(logits, labels, method.knowledge.classes.length), curve: meanOf(curves)};
}

interface Trained {
  readonly student: Student;
  readonly curve: readonly CurvePoint[];
  /** Validation accuracy of the weights that it has; NaN if none was measured. */
  readonly best: number;
}

async function trained(
  {recipe, trainer}: Study,
  method: TaughtMethod,
  epochs: number,
  onShare: OnShare,
): Promise<Trained> {
  const {seeds, training} = recipe;
  const student = await trainer.fresh(seeds[0]!, method);
  const curve: CurvePoint[] = [];
  let best = Number.NaN;
  const onStep: OnStep = ({step, steps}) => onShare(step / steps);
  try {
    for await (const epoch of trainer.train(student, method, seeds[0]!, {epochs, steps: undefined, onStep})) {
      const point = pointOf(epoch);
      curve.push(point);
      if (epoch.best || !training.earlyStopping) best = point.validationAccuracy ?? best;
    }
  } catch (error) {
    student.model.dispose();
    throw error;
  }
  return {student, curve, best};
}

function meanOf(curves: readonly (readonly CurvePoint[])[]): readonly CurvePoint[] {
  return curves[0]!.map((point, index) => {
    const losses = curves.map(curve => curve[index]!.loss);
    return {...point, loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length};
  });
}

const FORMAT = 'limbeck.trials/1';

const trialSchema: z.ZodType<Trial> = z.object({
  setting: z.int().nonnegative(),
  epochs: z.int().positive(),
  score: z.number().nullable(),
  curve: z.array(
    z.object({
      epoch: z.int(),
      step: z.int(),
      loss: z.number(),
      validationAccuracy: z.number().nullable(),
    }),
  ),
  failure: z.string().exactOptional(),
});
const fileSchema = z.object({format: z.literal(FORMAT), fingerprint: z.string(), trials: z.array(trialSchema)});

/** The trials of a method, on disk, so that a study which goes on does not make them again. */
export class KeptTrials {
  readonly #path: string;
  readonly #fingerprint: string;
  readonly #trials: Trial[];
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, fingerprint: string, trials: readonly Trial[]) {
    this.#path = path;
    this.#fingerprint = fingerprint;
    this.#trials = [...trials];
  }

  /** Those that were made with the same data, settings and engine; a file of others is replaced. */
  static async open(path: string, fingerprint: string): Promise<KeptTrials> {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    const kept = text === undefined ? undefined : fileSchema.safeParse(parsed(text)).data;
    return new KeptTrials(path, fingerprint, kept?.fingerprint === fingerprint ? kept.trials : []);
  }

  get(setting: number, epochs: number): Trial | undefined {
    return this.#trials.find(trial => trial.setting === setting && trial.epochs === epochs);
  }

  /** @throws KnowledgeError if it can't be written */
  async keep(trial: Trial): Promise<void> {
    this.#trials.push(trial);
    const text = JSON.stringify({format: FORMAT, fingerprint: this.#fingerprint, trials: this.#trials});
    // One after another: the last one written is to hold all.
    this.#writing = this.#writing.then(async () => {
      await mkdir(dirname(this.#path), {recursive: true});
      await replaceFile(this.#path, file => file.writeFile(text));
    });
    await this.#writing;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The file of a method's trials. */
export function trialsPath(directory: string, {folder}: Pick<PlannedMethod, 'folder'>): string {
  return join(directory, 'tuning', `${folder}.json`);
}

/** All that decides what trials come to. */
export async function fingerprintOfTrials(
  {recipe, trainer}: Study,
  method: AnsweredMethod,
  settings: readonly Setting[],
): Promise<string> {
  const {seeds, folds} = recipe;
  const teaching = taught(method);
  const student = await trainer.fresh(seeds[0]!, teaching);
  const run = await trainer.start(student, teaching, seeds[0]!);
  try {
    const start = run.weights.map(weight => weight.dataSync());
    return digestOf({run: await fingerprintOf(student, teaching.knowledge, run), start, settings, folds});
  } finally {
    run.dispose();
    student.model.dispose();
  }
}
