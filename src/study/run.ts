import {join} from 'node:path';
import {fitTemperature} from '../knowledge/fit-temperature.ts';
import type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
import {candidatesOf} from '../recipe/candidates.ts';
import {methodFolder} from '../recipe/method-folder.ts';
import type {Method} from '../recipe/recipe.ts';
import {saveStudent} from '../student/files.ts';
import {predictLogits} from '../student/predict.ts';
import type {Calibration, Student, StudentBuilder} from '../student/student.ts';
import type {CheckpointOptions, Epoch} from '../train/options.ts';
import {NO_TIME, type Profile, secondsOf} from '../train/profile.ts';
import {train} from '../train/train.ts';
import {calibrate} from './calibrate.ts';
import type {MethodChanges} from './changes.ts';
import {checkSource} from './checks.ts';
import {chooseAmong, type Tried} from './choice.ts';
import {crossFit, FOLDS} from './cross-fit.ts';
import {divide} from './divide.ts';
import {gateOver} from './gate.ts';
import type {CurvePoint, StudentChoice} from './results.ts';
import type {Study} from './study.ts';
import {freshStudent, pointOf, trainOptions} from './training.ts';

export interface Learned {
  readonly student: Student;
  /** Where the recipe names several students. */
  readonly choice?: StudentChoice;
  readonly curve: readonly CurvePoint[];
  /** The epoch whose weights the student has: the last, or with early stopping the best. */
  readonly kept: CurvePoint;
  /** Where the time went, in every process that had part in it. */
  readonly profile: Profile;
  /** Where it was saved. */
  readonly directory: string;
}

export interface LearnOptions {
  /** Keeps the run on disk, and goes on with a kept one. */
  readonly checkpoint?: CheckpointOptions;
  /** What of the method is not as the recipe says: kept with the student. */
  readonly changes?: MethodChanges;
  readonly onStep?: (step: number, steps: number) => void;
}

/**
 * Trains and saves one student. Methods of one seed share initial weights and the order of batches. With a checkpoint
 * that it goes on from, the curve is that of the whole run.
 */
export async function learn(
  study: Study,
  method: Method,
  knowledge: Knowledge | StoredKnowledge,
  seed: number,
  {checkpoint, changes: {learnsLabels, tuned} = {}, onStep}: LearnOptions = {},
): Promise<Learned> {
  const {recipe} = study;
  checkSource(method, knowledge);
  // Those that choose and calibrate it are trained before the student that is kept, and count as parts of its run.
  const before = trialsOf(study);
  const stepsOf = (run: number): LearnOptions['onStep'] =>
    onStep && ((step, steps) => onStep(run * steps + step, (before + 1) * steps));
  const {training, calibrationInputs, unanswered} = divide(recipe, method, knowledge);
  const {build, choice, temperature} = await prepare(study, method, training, seed, stepsOf);
  const fresh = freshStudent(study, build, seed);
  const curve: CurvePoint[] = [];
  let kept: CurvePoint | undefined;
  const add = (epoch: Epoch): void => {
    const point = pointOf(epoch);
    curve.push(point);
    if (epoch.best || !recipe.training.earlyStopping) kept = point;
  };
  let profile = NO_TIME;
  const epochs = train(fresh, training, {
    ...trainOptions(study, method, seed, stepsOf(before)),
    ...(checkpoint && {checkpoint: withEpochs(checkpoint, add)}),
    onFallback: reason => study.onNote(`The step runs operation by operation, slower than compiled: ${reason}.`),
    onProfile: spent => {
      profile = spent;
    },
  });
  for await (const epoch of epochs) add(epoch);
  const {signal} = study;
  const options = {calibrationInputs, unanswered, ...(signal && {signal})};
  const calibration = temperature && (await calibrate(recipe, fresh, knowledge, {temperature, ...options}));
  const gate = await gateOver(recipe, training, seed);
  const student = {...fresh, ...(calibration && {calibration}), ...(gate && {gate})};
  const directory = studentPath(study.directory, method, seed);
  const madeBy = {recipe: recipe.name, level: method.level, method: method.method, seed};
  await saveStudent(directory, student, {
    ...madeBy,
    ...(learnsLabels && {learnsLabels}),
    ...(tuned && {tuned: {...tuned}}),
    ...(choice && {choice: {...choice, candidates: choice.candidates.map(candidate => ({...candidate}))}}),
  });
  return {student, ...(choice && {choice}), curve, kept: kept!, profile, directory};
}

/** What comes before the student that is kept is trained. */
interface Prepared {
  readonly build: StudentBuilder;
  readonly choice?: StudentChoice;
  /** If the recipe has calibration. */
  readonly temperature?: number;
}

/** How many students are trained to choose one and to calibrate it. */
function trialsOf({recipe}: Study): number {
  const {calibration} = recipe;
  const candidates = candidatesOf(recipe).length;
  return candidates > 1 || calibration ? candidates * (calibration?.folds ?? FOLDS) : 0;
}

/** Chooses among students and fits the temperature of the one chosen, both by the same answers, from which none of them learned. */
async function prepare(
  study: Study,
  method: Method,
  knowledge: Knowledge | StoredKnowledge,
  seed: number,
  stepsOf: (trial: number) => LearnOptions['onStep'],
): Promise<Prepared> {
  const {recipe, signal} = study;
  const builders = candidatesOf(recipe);
  const classes = knowledge.classes.length;
  if (trialsOf(study) === 0) return {build: builders[0]!};
  const tried: Tried[] = [];
  let trials = 0;
  for (const build of builders) {
    const {model} = freshStudent(study, build, seed);
    const fit = await crossFit(knowledge, {
      ...(recipe.calibration?.folds && {folds: recipe.calibration.folds}),
      ...{seed, ...(signal && {signal})},
      async train(part) {
        const student = freshStudent(study, build, seed);
        for await (const _ of train(student, part, trainOptions(study, method, seed, stepsOf(trials++))));
        return student;
      },
    });
    tried.push({name: model.name, parameters: model.countParams(), fit});
    model.dispose();
  }
  const choice = builders.length > 1 ? chooseAmong(tried, classes) : undefined;
  const place = choice?.chosen ?? 0;
  return {
    build: builders[place]!,
    ...(choice && {choice}),
    ...(recipe.calibration && {temperature: temperatureOf(tried[place]!, classes)}),
  };
}

function temperatureOf({fit: {logits, labels}}: Tried, classes: number): number {
  return fitTemperature(logits, labels, classes);
}

/** Hands over each epoch from before the run was left as well. */
function withEpochs(checkpoint: CheckpointOptions, add: (epoch: Epoch) => void): CheckpointOptions {
  return {
    ...checkpoint,
    onResume(kept) {
      kept.epochs.forEach(add);
      checkpoint.onResume?.(kept);
    },
  };
}

/** Where a method's student is saved. */
export function studentPath(directory: string, {method}: Method, seed: number): string {
  return join(directory, 'students', methodFolder(method), `seed-${seed}`);
}

/** Where a run is kept while it is under way: beside its student's folder. */
export function checkpointPath(directory: string, method: Method, seed: number): string {
  return `${studentPath(directory, method, seed)}.checkpoint`;
}

/** A student that was trained and has answered the test split. */
export interface Executed {
  /** Where the recipe names several students. */
  readonly choice?: StudentChoice;
  readonly curve: readonly CurvePoint[];
  readonly seconds: number;
  readonly profile: Profile;
  /** [test examples, classes], divided by the temperature that the student was calibrated to. */
  readonly logits: Float32Array;
  /** Of the student. */
  readonly calibration?: Calibration;
}

/**
 * Trains one student and lets it answer the test split. The run is kept on disk, and goes on where an earlier process
 * with the same study left it; what it keeps stays until the study is done.
 */
export async function execute(
  study: Study,
  method: Method,
  knowledge: Knowledge | StoredKnowledge,
  seed: number,
  {onStep, changes}: Pick<LearnOptions, 'onStep' | 'changes'> = {},
): Promise<Executed> {
  const checkpoint: CheckpointOptions = {
    path: checkpointPath(study.directory, method, seed),
    resume: 'if-possible',
    onResume: () => study.onNote('Goes on with the runs that an earlier process left.'),
  };
  const options = {checkpoint, ...(changes && {changes}), ...(onStep && {onStep})};
  const {student, choice, curve, profile} = await learn(study, method, knowledge, seed, options);
  const {signal, data} = study;
  const logits = await predictLogits(student, data.test.inputs, {...(signal && {signal})});
  student.model.dispose();
  const {calibration} = student;
  const {temperature} = calibration ?? {temperature: 1};
  return {
    ...(choice && {choice}),
    ...(calibration && {calibration}),
    curve,
    seconds: secondsOf(profile),
    profile,
    logits: logits.map(logit => logit / temperature),
  };
}
