import {existsSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {isLabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
import {loadRecipe} from '../recipe/load.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import {knowledgePath} from '../study/asking.ts';
import {changedMethod, changesBy, type MethodChanges} from '../study/changes.ts';
import {inputsApart} from '../study/divide.ts';
import {inquiryOf} from '../study/inquiries.ts';
import {promiseText} from '../study/report/cascades.ts';
import {choiceSentence} from '../study/report/choices.ts';
import {tuningSentence} from '../study/report/tunings.ts';
import type {Tuning} from '../study/results.ts';
import {checkpointPath, type Learned, learn} from '../study/run.ts';
import {withSavedKnowledge} from '../study/saved-knowledge.ts';
import {changesFor, keptVerdict} from '../study/steadiness.ts';
import {directoryOf, openStudy, type Study} from '../study/study.ts';
import {describeTraffic, knowledgeWithTraffic} from '../study/traffic.ts';
import {tuneHere} from '../study/tune/tune-methods.ts';
import {liveLevels} from '../study/viewing.ts';
import {checkWritable} from '../study/writable.ts';
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
  const recipe = await loadRecipe(path);
  const named = methodNamed(recipe, flags.method);
  const seed = flags.seed ?? recipe.seeds[0]!;
  terminal.note(await engineLine());
  const options = studyOptions(flags, terminal);
  await checkWritable(directoryOf(recipe, options));
  const study = await openStudy(recipe, liveLevels([named]), options);
  try {
    checkLabelled(study, named, path);
    const steady = changesFor(recipe, named, await keptVerdict(study, named));
    const method = changedMethod(named, steady);
    if (steady.learnsLabels) terminal.note(noteOnLabels(method));
    const checkpoint = checkpointOf(checkpointPath(study.directory, method, seed), flags, terminal);
    const {student, directory, choice, curve, kept, profile, tuning} = await withSavedKnowledge(
      study,
      method,
      async saved => {
        const knowledge = await joinedWithTraffic(saved, study, method, flags, terminal);
        return learnTuned(study, method, knowledge, {seed, checkpoint, steady, terminal});
      },
    ).catch(error => {
      if (study.signal?.aborted && existsSync(checkpoint.path)) {
        terminal.note('The run is kept: the same command with --resume goes on from there.');
      }
      throw error;
    });
    terminal.note(`Time: ${describeProfile(profile)}.`);
    if (choice) terminal.note(choiceSentence(method.method, [choice]));
    await rm(checkpoint.path, {force: true});
    const run = {level: method.level, method: method.method, seed};
    const {loss, validationAccuracy} = kept;
    const shown = validationAccuracy === null ? '' : `, validation accuracy ${(100 * validationAccuracy).toFixed(2)} %`;
    const {calibration} = student;
    const promised = calibration?.guarantee ? [promiseText({threshold: 0, ...calibration})] : [];
    const gated = student.gate
      ? ['A gate leaves to the teacher what is unlike the training texts: about 1 % of texts like them.']
      : [];
    terminal.result(
      {
        ...run,
        directory,
        ...(choice && {choice}),
        ...(tuning && {tuning}),
        seconds: secondsOf(profile),
        profile,
        loss,
        validationAccuracy,
        curve,
        ...(calibration && {calibration}),
      },
      [
        `${method.method}, seed ${seed}: loss ${loss.toFixed(4)}${shown}`,
        ...promised,
        ...gated,
        `Student: ${directory}`,
      ].join('\n'),
    );
  } finally {
    await study.close();
  }
}

interface LearnTunedOptions {
  readonly seed: number;
  readonly checkpoint: CheckpointOptions;
  /** What is not as the recipe says already. */
  readonly steady: MethodChanges;
  readonly terminal: Terminal;
}

async function learnTuned(
  study: Study,
  method: Method,
  knowledge: Knowledge | StoredKnowledge,
  {seed, checkpoint, steady, terminal}: LearnTunedOptions,
): Promise<Learned & {readonly tuning: Tuning | undefined}> {
  const tuning = await tuneHere(study, method, knowledge);
  if (tuning) terminal.note(tuningSentence(method.method, tuning));
  const changes = {...steady, ...changesBy(tuning)};
  const learned = await learn(study, changedMethod(method, changes), knowledge, seed, {
    checkpoint,
    changes,
    onStep: (done, total) => study.onProgress({task: `train ${method.method}, seed ${seed}`, done, total}),
  });
  return {...learned, tuning};
}

function noteOnLabels({method, level}: Method): string {
  return (
    `The ${level} teacher gave other scores when it was asked again, so ${method} learns from its labels. ` +
    '`trustsScores: true` in the recipe learns from the scores.'
  );
}

async function joinedWithTraffic(
  saved: Knowledge | StoredKnowledge,
  {data, recipe}: Study,
  method: Method,
  {fromTraffic}: TrainFlags,
  terminal: Terminal,
): Promise<Knowledge | StoredKnowledge> {
  if (fromTraffic === undefined) return saved;
  const held = [data.test.inputs, ...(isLabelled(data) ? [data.validation.inputs] : [])];
  const joined = await knowledgeWithTraffic(saved, {path: fromTraffic, held, ...inputsApart(recipe, method, saved)});
  terminal.note(describeTraffic(fromTraffic, joined));
  return joined.knowledge;
}

function checkpointOf(path: string, {resume = false}: TrainFlags, terminal: Terminal): CheckpointOptions {
  const isThere = existsSync(path);
  if (resume && !isThere) terminal.note(`There is no checkpoint at ${path}: the run starts afresh.`);
  if (!resume && isThere) {
    terminal.note(`Replaces ${path}, the checkpoint of an earlier run. With --resume it would have gone on.`);
  }
  return {
    path,
    resume,
    onResume: ({step, steps}) => terminal.note(`Goes on from ${path}, after step ${step} of ${steps}.`),
  };
}

function methodNamed({methods}: Recipe, name: string | undefined): Method {
  const method = name === undefined ? methods.at(-1) : methods.find(candidate => candidate.method === name);
  if (method !== undefined) return method;
  const names = methods.map(candidate => `\`${candidate.method}\``).join(', ');
  throw new InputError(`The recipe has no method \`${name}\`. It has: ${names}.`);
}

function checkLabelled(study: Study, method: Method, recipe: string): void {
  const {level} = method;
  if (level === 'none') return;
  const path = knowledgePath(study.directory, inquiryOf(study.recipe, method));
  if (existsSync(path)) return;
  throw new InputError(
    `There is no knowledge at ${path}. Ask for it first: \`limbeck label ${recipe} --level ${level}\`, with the same --out.`,
  );
}
