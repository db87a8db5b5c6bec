import type {Knowledge, StoredKnowledge} from '../../knowledge/knowledge.ts';
import type {Method} from '../../recipe/recipe.ts';
import type {MethodChanges} from '../changes.ts';
import {jobRunner} from '../jobs.ts';
import type {Tuning} from '../results.ts';
import type {Study} from '../study.ts';
import {methodAt, settingsOf} from './settings.ts';
import {tryOut} from './trial.ts';
import {trialCount, tuneMethod} from './tune.ts';

/**
 * Tunes those methods of a study that ask for it, one after another; the trials of one run side by side where the study
 * has worker processes.
 *
 * @param knowledge - what each method learns from, in the order of the recipe
 * @param changes - in what the study's methods already differ from the recipe's, for other processes
 * @returns one a method, undefined where it was not tuned
 */
export async function tuneMethods(
  study: Study,
  knowledge: readonly Knowledge[],
  changes: readonly MethodChanges[],
): Promise<readonly (Tuning | undefined)[]> {
  const {methods} = study.recipe;
  const wanted = methods.filter(({tune}) => tune !== undefined);
  if (wanted.length === 0) return methods.map(() => undefined);
  const total = wanted.reduce((sum, method) => sum + trialCount(study, method), 0);
  const tell = (done: number) => study.onProgress({task: `tune ${namesOf(wanted.length)}`, done, total});
  // As many as are first under way at once.
  const widest = Math.max(...wanted.map(method => settingsOf(method).length));
  const runner = jobRunner(study, widest, knowledge);
  const tunings: (Tuning | undefined)[] = [];
  let before = 0;
  tell(0);
  try {
    for (const [place, method] of methods.entries()) {
      if (method.tune === undefined) {
        tunings.push(undefined);
        continue;
      }
      const tuning = await tuneMethod(study, method, knowledge[place]!, {
        concurrency: runner.concurrency,
        trial: (setting, epochs, onProgress) =>
          runner.trial({method: place, changes: changes[place]!, setting, epochs}, {onProgress, onNote: study.onNote}),
        onProgress: done => tell(before + done),
      });
      before += trialCount(study, method);
      tunings.push(tuning);
    }
    return tunings;
  } finally {
    await runner.close();
  }
}

function namesOf(count: number): string {
  return count === 1 ? '1 method' : `${count} methods`;
}

/** Tunes one method, where it asks for it, in this process. */
export async function tuneHere(
  study: Study,
  method: Method,
  knowledge: Knowledge | StoredKnowledge,
): Promise<Tuning | undefined> {
  if (method.tune === undefined) return undefined;
  const total = trialCount(study, method);
  return tuneMethod(study, method, knowledge, {
    concurrency: 1,
    trial: (setting, epochs, onShare) => tryOut(study, methodAt(method, setting), knowledge, epochs, onShare),
    onProgress: done => study.onProgress({task: `tune ${method.method}`, done, total}),
  });
}
