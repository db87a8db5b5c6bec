import type {Recipe} from '../recipe/recipe.ts';
import type {Access} from '../teacher.ts';
import {type AskedLevel, askLevel, askReference} from './asking.ts';
import {runJobs} from './jobs.ts';
import {measureAll} from './measure.ts';
import {knowledgeFor, levelsOf, referenceLevel} from './methods.ts';
import type {Results} from './results.ts';
import {resultsOf} from './results-of.ts';
import {openStudy, type StudyOptions} from './study.ts';
import {writeResults} from './write-results.ts';

/**
 * Compares what levels of access are worth: asks each level about the same inputs, trains the same student by every
 * method from every seed, measures all of them on the test split, and writes `results.json` and `report.html`.
 */
export async function compare(recipe: Recipe, options: StudyOptions = {}): Promise<Results> {
  const started = performance.now();
  const study = await openStudy(recipe, [...levelsOf(recipe), referenceLevel(recipe)], options);
  try {
    const levels = new Map<Access, AskedLevel>();
    for (const access of levelsOf(recipe)) levels.set(access, await askLevel(study, access));
    const reference = await askReference(study);
    const known = new Map(Array.from(levels, ([access, {knowledge}]) => [access, knowledge]));
    const knowledge = recipe.methods.map(method => knowledgeFor(method, known, study.drawn, study.data.classes));
    const jobs = recipe.methods.flatMap((_, method) => recipe.seeds.map(seed => ({method, seed})));
    const outcomes = await runJobs(study, jobs, knowledge);
    const runs = measureAll(study, jobs, outcomes, knowledge, reference);
    const seconds = (performance.now() - started) / 1000;
    const results = resultsOf({study, levels, reference, knowledge, ...runs, seconds});
    await writeResults(study.directory, results);
    return results;
  } finally {
    await study.close();
  }
}
