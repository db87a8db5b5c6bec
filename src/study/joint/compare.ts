import type {Inputs} from '../../data/inputs.ts';
import {isLabelled} from '../../data/split.ts';
import {InputError} from '../../errors.ts';
import {typedMeasures} from '../../evaluate/typed-measures.ts';
import {checkOptions} from '../../options.ts';
import type {Question} from '../../question.ts';
import {conditionsOf} from '../../recipe/conditions.ts';
import type {Recipe} from '../../recipe/recipe.ts';
import {digestOnce} from '../../train/fingerprint.ts';
import {beginStudy, COMPARE, type CompareOptions, finish, type Prepared, prepare} from '../compare.ts';
import type {Executed} from '../execute.ts';
import {directoryOf, knowledgeRoot} from '../folders.ts';
import {measure, type PartRun, type Run} from '../measure.ts';
import {type QuestionStudy, withStudies} from '../studies.ts';
import type {Study} from '../study.ts';
import {type MethodJob, type TrainedRun, trainAll} from '../train-methods.ts';
import {failureOf} from '../training.ts';
import type {OpenRunner} from '../workers.ts';
import {besideEarlierJointly, readQuestionsStudy} from './against.ts';
import {keptJointly} from './execute.ts';
import {writeJointResults} from './files.ts';
import type {MeasuredStudent, QuestionResults, QuestionsResults} from './results.ts';
import {jointFindings} from './results-of.ts';
import {type JointJob, type JointPart, type JointTeaching, teachingOf} from './teaching.ts';

/**
 * Compares what levels of access are worth for each question of a recipe. All questions are asked in the same requests, and
 * each run trains one student for all of them. Each question has a study of its own in the folder `questions/NAME`, with the
 * files that `compare` writes. `joint.json`, `joint.csv`, `joint.md` and `report.html` are about all questions together: the
 * share of inputs on which all answers agree, with verdicts on every pair of methods.
 */
export async function compareQuestions(recipe: Recipe, given: CompareOptions = {}): Promise<QuestionsResults> {
  checkOptions('compareQuestions', given, COMPARE);
  const {against, openRunner, ...options} = given;
  const {questions = []} = recipe;
  if (questions.length === 0) throw new InputError('The recipe has no `questions`. Use `compare()`.');
  const started = performance.now();
  const directory = directoryOf(recipe, options);
  // Read first: it may stand where this study's results will.
  const earlier = against === undefined ? undefined : await readQuestionsStudy(against);
  return withStudies(recipe, options, beginStudy, async studies => {
    checkSameInputs(studies);
    const prepared: Prepared[] = [];
    for (const {study} of studies) prepared.push(await prepare(study, started, openRunner));
    const whole = {directory, knowledgeRoot: knowledgeRoot(directory, options.knowledge)};
    const trained = await trainJointly(prepared, questions, {...whole, openRunner});
    const found: QuestionResults[] = [];
    for (const [index, question] of questions.entries()) {
      const one = prepared[index]!;
      const measures = measuresOf(question, one, trained[index]!);
      const results = await finish(one, trained[index]!, earlier?.studies.get(question.name));
      found.push({question, directory: one.study.directory, results, measures});
    }
    const {sizes, failures} = found[0]!.results;
    const runs = prepared.map(({reference}, index) => ({reference, trained: trained[index]!}));
    const own: QuestionsResults = {
      schema: 'limbeck.joint/1',
      name: recipe.name,
      ...jointFindings(prepared[0]!.study, runs, sizes),
      seconds: (performance.now() - started) / 1000,
      questions: found,
      failures,
      conditions: recipe.check && conditionsOf(recipe.check),
    };
    const results = {...own, earlier: earlier && besideEarlierJointly(own, earlier)};
    await writeJointResults(directory, results);
    return results;
  });
}

/** @throws InputError if the data of two questions are not of the same inputs, or give them different methods */
export function checkSameInputs(studies: readonly QuestionStudy[]): void {
  for (const split of ['train', 'validation', 'test'] as const) {
    const given = studies.flatMap(({question, study}) => {
      const inputs = inputsOf(study, split);
      return inputs === undefined ? [] : [{name: question!.name, inputs}];
    });
    const other = given.find(({inputs}) => digestOnce(inputs) !== digestOnce(given[0]!.inputs));
    if (other === undefined) continue;
    throw new InputError(
      `\`data\` gives other inputs for \`${other.name}\` than for \`${given[0]!.name}\`, in the ${split} split. Give the same for all questions, in the same order.`,
    );
  }
  const [first, ...others] = studies;
  const uneven = others.find(({study}) => study.recipe.methods.length !== first!.study.recipe.methods.length);
  if (uneven === undefined) return;
  throw new InputError(
    `\`data\` gives true labels for only one of \`${first!.question!.name}\` and \`${uneven.question!.name}\`, and a recipe with \`budgets\` compares every method with true labels if there are some. Give labels for all questions, or for none.`,
  );
}

/** There is a validation split only if the question has true labels. */
function inputsOf({recipe: {data}}: Study, split: 'train' | 'validation' | 'test'): Inputs | undefined {
  if (split === 'validation') return isLabelled(data) ? data.validation.inputs : undefined;
  return data[split].inputs;
}

function measuresOf(
  question: Question,
  {reference}: Prepared,
  trained: readonly Trained[],
): readonly MeasuredStudent[] {
  return trained.flatMap(({job: {method, seed}, outcome}) => {
    if (!('logits' in outcome)) return [];
    const measures = typedMeasures(question, outcome.logits, reference.labels, reference.expectedLevels);
    return [{level: method.level, method: method.method, seed, ...measures}];
  });
}

/** What came of a run for one question. */
type Trained = TrainedRun<Run | PartRun>;

/**
 * Trains every method at every budget from every seed, each student for all questions at once.
 *
 * @param prepared - the studies of the questions
 * @param whole - the folders of the whole study, and what trains
 * @returns the runs of each question, in the order that `trainAll` gives
 */
async function trainJointly(
  prepared: readonly Prepared[],
  questions: readonly Question[],
  {openRunner, ...whole}: Pick<Study, 'directory' | 'knowledgeRoot'> & {readonly openRunner: OpenRunner | undefined},
): Promise<readonly (readonly Trained[])[]> {
  const [{study, methods}] = prepared as readonly [Prepared];
  const ownJob = (job: MethodJob, one: Prepared): MethodJob => ({
    ...job,
    method: one.methods[methods.indexOf(job.method)]!,
  });
  const teachings = new Map<string, Promise<JointTeaching>>();
  const jointJob = async (job: MethodJob): Promise<JointJob> => {
    const key = `${job.method.index} ${job.budget}`;
    const parts = prepared.map(
      (one, at): JointPart => ({question: questions[at]!, study: one.study, method: ownJob(job, one).method}),
    );
    const teaching = teachings.get(key) ?? teachingOf(parts, job.budget);
    teachings.set(key, teaching);
    return {directory: whole.directory, teaching: await teaching, seed: job.seed};
  };
  const trained = await trainAll<readonly Executed[], readonly (Run | PartRun)[]>({...study, ...whole}, methods, {
    openRunner,
    async kept(job) {
      // That nothing can be learned is told when the student is trained.
      const joint = await jointJob(job).catch(failureOf(study.signal));
      return 'failure' in joint ? undefined : keptJointly(joint);
    },
    run: async (runner, job, listeners) => runner.runJointly(await jointJob(job), listeners),
    profileOf: ([first]) => first!.profile,
    measure: (job, executed) =>
      prepared.map((one, at) => measure(ownJob(job, one), executed[at]!, one.reference, one.study.recipe.data)),
  });
  return prepared.map((one, at) =>
    trained.map(({job, outcome}) => ({
      job: ownJob(job, one),
      outcome: 'failure' in outcome ? outcome : outcome[at]!,
    })),
  );
}
