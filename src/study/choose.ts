import {accuracy} from '../evaluate/metrics.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {StudentBuilder} from '../student/student.ts';
import {type CrossFit, crossFit, isTemperatureKnown, temperatureFor} from './cross-fit.ts';
import type {Candidate, StudentChoice, TaughtMethod} from './methods.ts';
import type {Study} from './study.ts';
import type {OnStep} from './training.ts';

/** The student that a run trains, and the temperature that calibrates it. */
export interface Chosen {
  readonly build: StudentBuilder;
  /** Undefined if the recipe names one student. */
  readonly choice: StudentChoice | undefined;
  /** Undefined if the recipe has no calibration. */
  readonly temperature: number | undefined;
}

/** A student that might be chosen, with its answers in cross-fitting. */
export interface Tried extends Omit<Candidate, 'agreement'> {
  readonly fit: CrossFit;
}

/**
 * Chooses among the students of a recipe and fits the temperature of the chosen one, both by the same answers, which none of
 * them learned from.
 *
 * @param onStep - called with the index of the trial, and its steps
 */
export async function chooseStudent(
  {recipe, trainer, signal}: Study,
  method: TaughtMethod,
  seed: number,
  onStep: (trial: number) => OnStep | undefined,
): Promise<Chosen> {
  const {students, folds, assistedFolds, mostTried, trials, calibration} = recipe;
  const classes = method.knowledge.classes.length;
  if (trials === 0) return {build: students[0]!, choice: undefined, temperature: undefined};
  // The student that is kept learns from the same assistant, which is fitted once.
  const isAssisted = await trainer.isAssisted(method, seed);
  // A choice takes more answers than a temperature does.
  const isForTemperature = students.length === 1 && mostTried !== undefined;
  const isEnough = isForTemperature ? (found: CrossFit) => isTemperatureKnown(method.knowledge, found) : undefined;
  const tried: Tried[] = [];
  let trial = 0;
  // The parts are the same for all students, and so are their assistants.
  const parts: Knowledge[] = [];
  for (const build of students) {
    let described: Pick<Tried, 'name' | 'parameters'> | undefined;
    const fit = await crossFit(method.knowledge, {
      folds: isAssisted ? assistedFolds : folds,
      most: mostTried,
      isEnough,
      seed,
      signal,
      async train(part, fold) {
        parts[fold] ??= part;
        const own = {allAnswers: method.knowledge, ...method, knowledge: parts[fold]};
        const student = await trainer.fresh(seed, own, build);
        described ??= {name: student.model.name, parameters: student.model.countParams()};
        for await (const _ of trainer.train(student, own, seed, {onStep: onStep(trial++)}));
        return student;
      },
    });
    tried.push({...described!, fit});
  }
  const choice = students.length > 1 ? chooseAmong(tried, classes) : undefined;
  const chosen = choice?.chosen ?? 0;
  const temperature = calibration && temperatureFor(method.knowledge, tried[chosen]!.fit);
  return {build: students[chosen]!, choice, temperature};
}

/** Chooses the student that agrees most often with the answers that it did not learn from; at a tie the first of them. */
export function chooseAmong(tried: readonly Tried[], classes: number): StudentChoice {
  return bestOf(
    tried.map(({name, parameters, fit: {logits, labels}}) => ({
      name,
      parameters,
      agreement: accuracy(logits, labels, classes),
    })),
  );
}

/** Chooses the candidate with the highest agreement; at a tie the first of them. */
export function bestOf(candidates: readonly Candidate[]): StudentChoice {
  const best = Math.max(...candidates.map(({agreement}) => agreement));
  return {chosen: candidates.findIndex(({agreement}) => agreement === best), candidates};
}
