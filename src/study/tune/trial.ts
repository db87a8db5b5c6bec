import {isLabelled} from '../../data/split.ts';
import {accuracy} from '../../evaluate/metrics.ts';
import type {Student} from '../../student/student.ts';
import {crossFit} from '../cross-fit.ts';
import {taught} from '../divide.ts';
import type {CurvePoint} from '../method-choices.ts';
import type {AnsweredMethod, TaughtMethod} from '../methods.ts';
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
      const {student, curve} = await trained(study, {...method, knowledge: part}, epochs, share =>
        onShare((fold + share) / folds),
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
  const student = trainer.fresh(seeds[0]!);
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
