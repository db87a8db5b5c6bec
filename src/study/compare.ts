import type {Recipe} from '../recipe/recipe.ts';
import {askInquiry, askReference, type Labelled} from './asking.ts';
import {changesBy, withChanges} from './changes.ts';
import {toCommonInputs} from './common-inputs.ts';
import {inquiriesOf, learnsFrom} from './inquiries.ts';
import {runJobs} from './jobs.ts';
import {measureAll} from './measure.ts';
import {knowledgeFor, levelsOf, referenceLevel} from './methods.ts';
import type {Results} from './results.ts';
import {resultsOf} from './results-of.ts';
import {steadinessOf} from './steadiness.ts';
import {directoryOf, openStudy, type StudyOptions} from './study.ts';
import {tuneMethods} from './tune/tune-methods.ts';
import {checkWritable} from './writable.ts';
import {writeResults} from './write-results.ts';

/**
 * Compares what levels of access are worth: asks each level about the same inputs, and for a method that asks in its own
 * way once more; trains the same student by every method from every seed, measures all of them on the test split, and
 * writes `results.json` and `report.html`.
 */
export async function compare(recipe: Recipe, options: StudyOptions = {}): Promise<Results> {
  const started = performance.now();
  await checkWritable(directoryOf(recipe, options));
  const study = await openStudy(recipe, [...levelsOf(recipe), referenceLevel(recipe)], options);
  try {
    const labelled: Labelled[] = [];
    for (const inquiry of inquiriesOf(recipe)) labelled.push(await askInquiry(study, inquiry));
    const {asked, missing, changes: common} = await toCommonInputs(study, labelled);
    const reference = await askReference(study);
    const steadiness = await steadinessOf(study, asked);
    const before = steadiness.changes.map(changes => ({...changes, ...common}));
    const steady = withChanges(study, before);
    const knowledge = steady.recipe.methods.map(method => {
      const own = asked.find(({inquiry}) => learnsFrom(inquiry, method));
      return knowledgeFor(method, own?.knowledge, study.drawn, study.data.classes, common);
    });
    const tunings = await tuneMethods(steady, knowledge, before);
    const changes = tunings.map((tuning, place) => ({...before[place], ...changesBy(tuning)}));
    const trained = withChanges(study, changes);
    const jobs = recipe.methods.flatMap((_, method) =>
      recipe.seeds.map(seed => ({method, seed, changes: changes[method]!})),
    );
    const outcomes = await runJobs(trained, jobs, knowledge);
    const runs = measureAll(trained, jobs, outcomes, knowledge, reference);
    const seconds = (performance.now() - started) / 1000;
    const results = resultsOf({
      ...{study: trained, asked, reference, knowledge, tunings},
      steadiness: steadiness.found,
      missing,
      ...runs,
      seconds,
    });
    await writeResults(study.directory, results);
    return results;
  } finally {
    await study.close();
  }
}
