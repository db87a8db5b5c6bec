import {existsSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {checkWritable, partFile} from '../data/files.ts';
import type {Inputs} from '../data/inputs.ts';
import {isLabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {loadRecipe} from '../recipe/load.ts';
import type {PlannedMethod} from '../recipe/methods.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import {resolveRecipe} from '../recipe/resolve.ts';
import {refuseVectors} from '../recipe/vectors.ts';
import {withAnswers} from '../study/divide.ts';
import {isSaved, knowledgePath} from '../study/folders.ts';
import {checkSameInputs} from '../study/joint/compare.ts';
import {learnJointly} from '../study/joint/execute.ts';
import {jointParts, teachingOf} from '../study/joint/teaching.ts';
import {withAllKnowledge, withSavedKnowledge} from '../study/knowledge.ts';
import {type AnsweredMethod, changed, type OpenMethod, type TunedMethod} from '../study/methods.ts';
import {changesFor, keptVerdict} from '../study/repeatability.ts';
import {promiseText} from '../study/report/cascades.ts';
import {
  assistantSentence,
  choiceSentence,
  nextSentence,
  TRAIN_LONGER,
  tuningSentence,
  underfittedSentence,
} from '../study/report/sentences.ts';
import {checkpointPath, type Learned, learn} from '../study/run.ts';
import {type QuestionStudy, withStudies} from '../study/studies.ts';
import {directoryOf, type OpenStudyOptions, openStudy, type Study, type StudyOptions} from '../study/study.ts';
import {describeTraffic, knowledgeWithTraffic} from '../study/traffic.ts';
import {type OnStep, pointOf} from '../study/training.ts';
import {tuneMethods} from '../study/tune/tune.ts';
import type {CheckpointOptions} from '../train/options.ts';
import {describeProfile, secondsOf} from '../train/profile.ts';
import {engineLine} from './engine.ts';
import {type StudyFlags, studyOptions} from './study-options.ts';
import {openTerminal, type Terminal} from './terminal.ts';

interface TrainFlags extends StudyFlags {
  readonly method?: string;
  readonly seed?: number;
  readonly resume?: boolean;
  readonly fromTraffic?: string;
}

export async function runTrain(path: string, flags: TrainFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const source = await loadRecipe(path);
  if (flags.fromTraffic !== undefined) refuseVectors(source, 'Traffic');
  if (source.questions) return trainQuestions(source, path, flags, terminal);
  const {method: name} = methodNamed(source.methods, flags.method);
  const seed = flags.seed ?? source.seeds[0]!;
  terminal.note(await engineLine());
  const options = studyOptions(flags, terminal);
  await checkWritable(directoryOf(source, options));
  const recipe = await resolveRecipe(source, 'sample');
  const {liveLevel} = methodNamed(recipe.methods, name);
  const note = recipe.scaleNote();
  if (note !== undefined) options.onNote?.(note);
  const study = await openStudy(recipe, liveLevel ? [liveLevel] : [], options);
  try {
    const method = await steadyMethod(study, name, path, terminal);
    const checkpoint = checkpointOf(checkpointPath(study.directory, method, seed), flags, terminal);
    const {student, directory, choice, assistant, next, curve, fit, kept, profile, tuning} = await withSavedKnowledge(
      study,
      method,
      async saved => {
        const [answered] = await joinedWithTraffic([saved], [{question: undefined, study}], flags, terminal);
        return learnTuned(study, answered!, {seed, checkpoint, terminal});
      },
    ).catch(noteKept(study.signal, checkpoint, terminal));
    terminal.note(`Time: ${describeProfile(profile)}.`);
    if (choice) terminal.note(choiceSentence(method.method, [choice]));
    if (assistant) terminal.note(assistantSentence(method.method, assistant));
    await rm(checkpoint.path, {force: true});
    const run = {level: method.level, method: method.method, seed};
    const {loss, validationAccuracy} = kept;
    const underfitted = fit?.underfitted
      ? [`${underfittedSentence(method.method, fit.trainingAgreement, curve.at(-1)!.step)} ${TRAIN_LONGER}`]
      : [];
    const {calibration} = student;
    const promised = calibration?.guarantee ? [promiseText({threshold: 0, ...calibration})] : [];
    const gated = student.gate
      ? ['A gate leaves texts unlike the training texts to the teacher, and about 1 % of texts like them.']
      : [];
    terminal.result(
      {
        ...run,
        directory,
        choice,
        assistant,
        next,
        tuning,
        seconds: secondsOf(profile),
        profile,
        loss,
        validationAccuracy,
        curve,
        fit,
        calibration,
      },
      [
        `${method.method}, seed ${seed}: loss ${loss.toFixed(4)}${shownAccuracy(validationAccuracy)}`,
        ...underfitted,
        ...promised,
        ...gated,
        ...(next ? [nextSentence(method.method, next)] : []),
        `Student: ${directory}`,
      ].join('\n'),
    );
  } finally {
    await study.close();
  }
}

/** Trains one student of all questions, from what is known of each. */
async function trainQuestions(source: Recipe, path: string, flags: TrainFlags, terminal: Terminal): Promise<void> {
  const {method: name} = methodNamed(source.methods, flags.method);
  const seed = flags.seed ?? source.seeds[0]!;
  terminal.note(await engineLine());
  const options = studyOptions(flags, terminal);
  const directory = directoryOf(source, options);
  await checkWritable(directory);
  const open = async (about: Recipe, own: StudyOptions & OpenStudyOptions) =>
    openStudy(await resolveRecipe(about, 'sample'), [], own);
  await withStudies(source, options, open, async studies => {
    checkSameInputs(studies);
    const untaught: {study: Study; method: OpenMethod}[] = [];
    for (const {study} of studies) untaught.push({study, method: await steadyMethod(study, name, path, terminal)});
    const {method} = untaught[0]!;
    const checkpoint = checkpointOf(checkpointPath(directory, method, seed), flags, terminal);
    const task = `train ${name}, seed ${seed}`;
    const onStep: OnStep = ({step: done, steps: total}) => options.onProgress?.({task, done, total});
    const learned = await withAllKnowledge(untaught, async methods => {
      const joined = await joinedWithTraffic(methods, studies, flags, terminal);
      const teaching = await teachingOf(jointParts(studies, joined), undefined);
      return learnJointly({directory, teaching, seed}, {checkpoint, onStep});
    }).catch(noteKept(options.signal, checkpoint, terminal));
    await rm(checkpoint.path, {force: true});
    const {student, choice, fit, profile} = learned;
    terminal.note(`Time: ${describeProfile(profile)}.`);
    if (choice) terminal.note(choiceSentence(name, [choice]));
    const {loss, validationAccuracy} = pointOf(learned.kept);
    const curve = learned.epochs.map(pointOf);
    const underfitted = fit?.underfitted
      ? [`${underfittedSentence(name, fit.trainingAgreement, curve.at(-1)!.step)} ${TRAIN_LONGER}`]
      : [];
    const heads = student.heads!.map(head => ({...head, question: head.question.name}));
    const promises = heads.flatMap(({question, calibration}) =>
      calibration?.guarantee ? [`${question}: ${promiseText({threshold: 0, ...calibration})}`] : [],
    );
    const run = {level: method.level, method: name, seed, directory: learned.directory};
    terminal.result(
      {...run, choice, seconds: secondsOf(profile), profile, loss, validationAccuracy, curve, fit, heads},
      [
        `${name}, seed ${seed}: loss ${loss.toFixed(4)}${shownAccuracy(validationAccuracy)}, one student for ${heads.map(({question}) => question).join(', ')}`,
        ...underfitted,
        ...promises,
        `Student: ${learned.directory}`,
      ].join('\n'),
    );
  });
}

function shownAccuracy(validationAccuracy: number | null): string {
  return validationAccuracy === null ? '' : `, validation accuracy ${(100 * validationAccuracy).toFixed(2)} %`;
}

/** Says that a run which was left is kept, and rethrows why it was left. */
function noteKept(
  signal: AbortSignal | undefined,
  {path}: CheckpointOptions,
  terminal: Terminal,
): (error: unknown) => never {
  return error => {
    if (signal?.aborted && existsSync(path)) {
      terminal.note('The run is kept. Run the same command with --resume to continue.');
    }
    throw error;
  };
}

/** The method as it is trained: from labels, if its teacher's scores are not repeatable. */
async function steadyMethod(study: Study, name: string, path: string, terminal: Terminal): Promise<OpenMethod> {
  const method = methodNamed(study.recipe.methods, name);
  await checkLabelled(study, method, path);
  const changes = changesFor(study.recipe, method, await keptVerdict(study, method));
  if (changes.learnsLabels) terminal.note(noteOnLabels(method));
  return changed(method, changes);
}

interface LearnTunedOptions {
  readonly seed: number;
  readonly checkpoint: CheckpointOptions;
  readonly terminal: Terminal;
}

async function learnTuned(
  study: Study,
  method: AnsweredMethod,
  {seed, checkpoint, terminal}: LearnTunedOptions,
): Promise<Learned & Pick<TunedMethod, 'tuning'>> {
  const [tuned] = await tuneMethods(study, [method]);
  const {tuning} = tuned!;
  if (tuning) terminal.note(tuningSentence(method.method, tuning));
  const learned = await learn(study, tuned!, seed, {
    checkpoint,
    onStep: ({step: done, steps: total}) =>
      study.onProgress({task: `train ${method.method}, seed ${seed}`, done, total}),
  });
  return {...learned, tuning};
}

function noteOnLabels({method, level}: PlannedMethod): string {
  return (
    `The ${level} teacher gave different scores when it was asked again, so ${method} learns from its labels. ` +
    'To learn from the scores, set `trustsScores: true` in the recipe.'
  );
}

/** Adds the traffic of each study to what its method learns from. */
async function joinedWithTraffic(
  methods: readonly AnsweredMethod[],
  studies: readonly QuestionStudy[],
  {fromTraffic, iHavePermission}: TrainFlags,
  terminal: Terminal,
): Promise<readonly AnsweredMethod[]> {
  if (fromTraffic === undefined) return methods;
  const held = studies.flatMap(({study}) => heldIn(study));
  // The answers are there already, offline too.
  const hasPermission = iHavePermission ?? studies[0]!.study.recipe.hasPermission ?? false;
  const joined: AnsweredMethod[] = [];
  for (const [index, {question, study}] of studies.entries()) {
    const method = methods[index]!;
    const path = question === undefined ? fromTraffic : partFile(fromTraffic, question.name);
    const {knowledge, ...counts} = await knowledgeWithTraffic(method.knowledge, {
      ...{path, held, hasPermission},
      ...method.apart,
    });
    terminal.note(describeTraffic(path, counts));
    joined.push(withAnswers(study.recipe, method, knowledge));
  }
  return joined;
}

/** The inputs that measure a student, and that none may learn from. */
function heldIn({recipe: {data}}: Study): readonly Inputs[] {
  return [data.test.inputs, ...(isLabelled(data) ? [data.validation.inputs] : [])];
}

function checkpointOf(path: string, {resume = false}: TrainFlags, terminal: Terminal): CheckpointOptions {
  const isThere = existsSync(path);
  if (resume && !isThere) terminal.note(`There is no checkpoint at ${path}, so the run starts afresh.`);
  if (!resume && isThere) {
    terminal.note(`Replaces ${path}, the checkpoint of an earlier run. With --resume it would have continued.`);
  }
  return {
    path,
    resume,
    onResume: ({step, steps}) => terminal.note(`Continues from ${path}, after step ${step} of ${steps}.`),
  };
}

function methodNamed<M extends Pick<Method, 'method'>>(methods: readonly M[], name: string | undefined): M {
  const method = name === undefined ? methods.at(-1) : methods.find(candidate => candidate.method === name);
  if (method !== undefined) return method;
  const names = methods.map(candidate => `\`${candidate.method}\``).join(', ');
  throw new InputError(`The recipe has no method \`${name}\`. It has: ${names}.`);
}

async function checkLabelled(study: Study, {level, queryPlan}: PlannedMethod, recipe: string): Promise<void> {
  if (queryPlan === undefined || (await isSaved(study, queryPlan))) return;
  throw new InputError(
    `There is no knowledge at ${knowledgePath(study, queryPlan)}. Ask for it first: \`limbeck label ${recipe} --level ${level}\`, with the same --out and --knowledge.`,
  );
}
