import {join} from 'node:path';
import {leavesOf} from '../ask/compose/parts.ts';
import type {AssistantChoice} from '../assistant/assistant.ts';
import type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
import {labelsInstead} from '../losses/hard-labels.ts';
import type {PlannedMethod} from '../recipe/methods.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import {methodAt, type Setting} from '../recipe/settings.ts';
import type {ExpectedGain} from '../select/curve.ts';
import type {ShareInterval, StopReason} from '../select/round.ts';
import type {Teacher} from '../teacher.ts';
import type {TrainOptions} from '../train/options.ts';

/** The assistant of a run, and what it added. */
export interface AssistantUse extends AssistantChoice {
  /** Name of its encoder. */
  readonly encoder: string;
  /** Number of the teacher's answers that it was fitted to. */
  readonly answers: number;
  /** Number of further inputs that it labelled: nobody was asked about these. */
  readonly further: number;
  /** What the classifier without the encoder learned from. Absent: counts of words and characters. */
  readonly plainly?: 'numbers';
  /** How much its label of an input counts beside a teacher's answer. 0: it was left out, since the counts were better. */
  readonly weight: number;
}

/** The choice among several students that a run made. */
export interface StudentChoice {
  /** Index in `candidates`. */
  readonly chosen: number;
  /** In the order of the recipe. */
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly name: string;
  readonly parameters: number;
  /**
   * In cross-validation, the share of the method's answers that the student agreed with while it learned from others. That
   * of the one chosen is a little too high: it is the highest of several.
   */
  readonly agreement: number;
}

/** How a method chose its inputs in rounds. */
export interface MethodSelection {
  /** Name of the strategy. */
  readonly by: string;
  readonly rounds: readonly RoundResult[];
}

/** The result of one round of a selection. */
export interface RoundResult {
  /** From 1. */
  readonly round: number;
  /** Answers so far, held-out and calibration answers included. */
  readonly answers: number;
  /** Number of held-out answers. */
  readonly held: number;
  /** How often this round's student agrees with the teacher on the held-out inputs; absent if there was one round alone. */
  readonly agreement?: ShareInterval | undefined;
  /** What the next 100 calls were expected to buy; absent after the first round. */
  readonly gain?: ExpectedGain | undefined;
  /** Why no round follows; absent if one does. */
  readonly stopped?: StopReason | undefined;
}

/** How T and λ of a method were chosen. */
export interface Tuning {
  readonly judgedBy: 'validation accuracy' | 'agreement in cross-validation';
  /** Names of the terms, in the order of each setting's weights. */
  readonly terms: readonly string[];
  /** Index in `settings`. */
  readonly chosen: number;
  /** All that were tried. */
  readonly settings: readonly Setting[];
  /** By temperature, then by rung of successive halving, then by index. */
  readonly trials: readonly Trial[];
}

/** One training by one setting. */
export interface Trial {
  /** Index in the settings. */
  readonly setting: number;
  readonly epochs: number;
  /** A share; null if the training came to nothing. */
  readonly score: number | null;
  readonly curve: readonly CurvePoint[];
  /** Why the training came to nothing. */
  readonly failure?: string;
}

export interface CurvePoint {
  readonly epoch: number;
  readonly step: number;
  /** Mean training loss of the epoch. */
  readonly loss: number;
  /** Measured on validation; null if it was not. */
  readonly validationAccuracy: number | null;
}

/** How a study trains a method otherwise than its recipe says. */
export interface MethodChanges {
  /** It learns from labels in place of scores, which its teacher perturbs. */
  readonly learnsLabels?: true;
  /** Indices in the drawn inputs of those that it does not learn from, since a level of the study lacks their answers. */
  readonly leftOut?: readonly number[];
  /** The setting that tuning chose. */
  readonly tuned?: Setting & {
    /** Number of settings that it was chosen from. */
    readonly tried: number;
  };
}

/** A planned method whose teacher is open, as it is trained. */
export interface OpenMethod extends PlannedMethod {
  /** The teacher that its query plan asks; undefined if the study does not ask it. */
  readonly asked: Teacher | undefined;
  /**
   * How its students look at inputs while they are trained: by a new view each epoch if its views are not counted, with the
   * teacher that answers about it. Inputs that were answered beforehand are taken as they are.
   */
  readonly viewing: Pick<TrainOptions, 'view' | 'teacher'>;
  /** How it differs from the recipe's. */
  readonly changes: MethodChanges;
}

/** A method with what its students learn from. */
export interface TaughtMethod<K extends Knowledge | StoredKnowledge = Knowledge | StoredKnowledge> extends OpenMethod {
  readonly knowledge: K;
  /**
   * All answers of the method, if its students learn from a part of them.
   *
   * @default `knowledge`
   */
  readonly allAnswers?: Knowledge | StoredKnowledge | undefined;
}

/** The inputs whose answers calibrate the students of a method. No student learns from them, and they choose nothing. */
export interface Apart {
  /** Inputs of the method's knowledge, by their index. */
  readonly calibrationInputs: readonly number[];
  /** Inputs that were drawn to calibrate as well, and have no answer. */
  readonly unanswered: number;
}

/** A method with all its answers. */
export interface AnsweredMethod<K extends Knowledge | StoredKnowledge = Knowledge | StoredKnowledge>
  extends TaughtMethod<K> {
  readonly apart: Apart;
}

/** A method whose losses are settled: the next step trains its students. */
export interface TunedMethod<K extends Knowledge | StoredKnowledge = Knowledge | StoredKnowledge>
  extends AnsweredMethod<K> {
  /** Undefined if it was not tuned. */
  readonly tuning: Tuning | undefined;
}

/** A resolved recipe whose teachers are open. */
export interface OpenRecipe extends ResolvedRecipe {
  readonly methods: readonly OpenMethod[];
}

/** The folder of a method's students at a budget. */
export function folderAt({folder}: Pick<PlannedMethod, 'folder'>, budget: number | undefined): string {
  return budget === undefined ? folder : join(folder, `${budget}-inputs`);
}

export function openMethod(method: PlannedMethod, asked: Teacher | undefined): OpenMethod {
  return {...method, asked, viewing: viewingOf(method, asked), changes: {}};
}

function viewingOf({level, views, liveLevel}: PlannedMethod, asked: Teacher | undefined): OpenMethod['viewing'] {
  if (views === undefined || views.count !== undefined) return {};
  const {view} = views;
  if (level === 'none') return {view};
  return liveLevel !== undefined && asked !== undefined && answersLive(asked) ? {view, teacher: asked} : {};
}

/** Whether a teacher can answer while students are trained: it shows all, and asks no service. */
function answersLive(teacher: Teacher): teacher is Teacher<'white-box'> {
  const asksService = leavesOf(teacher, teacher.detail).some(leaf => leaf.teacher.service !== undefined);
  return teacher.access === 'white-box' && !asksService;
}

/** A method with changes on top of those that it has. */
export function changed<M extends OpenMethod>(method: M, changes: MethodChanges): M {
  const {learnsLabels, tuned} = changes;
  const seen = learnsLabels ? fromLabels(method) : method;
  const set = tuned ? methodAt(seen, tuned) : seen;
  return {...set, changes: {...method.changes, ...changes}};
}

/** Leaves nothing to tune: a label has no temperature. */
function fromLabels<M extends OpenMethod>(method: M): M {
  return {...method, tune: undefined, detail: {kind: 'label'}, losses: labelsInstead(method.losses)};
}

/** A method as tuning leaves it: the same if tuning came to nothing. */
export function tunedMethod<M extends AnsweredMethod>(
  method: M,
  tuning: Tuning | undefined,
): M & Pick<TunedMethod, 'tuning'> {
  if (tuning === undefined) return {...method, tuning};
  const {settings, chosen} = tuning;
  return {...changed(method, {tuned: {...settings[chosen]!, tried: settings.length}}), tuning};
}
