import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {InputError} from '../errors.ts';
import {jointAgreement} from '../evaluate/metrics.ts';
import {type TypedMeasures, typedMeasures} from '../evaluate/typed-measures.ts';
import {checkOptions} from '../options.ts';
import type {Question} from '../question.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {digestOnce} from '../train/fingerprint.ts';
import {beginStudy, finish, type Prepared, prepare} from './compare.ts';
import type {Results} from './results.ts';
import {directoryOf, type QuestionStudy, STUDY, type StudyOptions, withStudies} from './study.ts';
import {type Trained, trainJointly} from './train-jointly.ts';

/** The results of a recipe with several questions. */
export interface QuestionsResults {
  readonly name: string;
  /** In the order of the recipe: the whole results of each question, as `compare` gives them for one. */
  readonly questions: readonly QuestionResults[];
  /** In the order of the methods: how often students agree with the teacher on all questions of an input. */
  readonly joint: readonly JointMethodResult[];
}

export interface QuestionResults {
  readonly question: Question;
  /** The folder of its report and results. */
  readonly directory: string;
  readonly results: Results;
  /** Each student that learned from all inputs, by the measures of the question's type, against the teacher. */
  readonly measures: readonly MeasuredStudent[];
}

export type MeasuredStudent = TypedMeasures & Pick<JointMethodResult, 'level' | 'method'> & {readonly seed: number};

export interface JointMethodResult {
  readonly level: Results['methods'][number]['level'];
  readonly method: string;
  /** Mean over the seeds, from 0 to 1. */
  readonly agreement: number;
  /** By seed. */
  readonly seeds: readonly {readonly seed: number; readonly agreement: number}[];
  /** Test inputs with an answer to at least one question. */
  readonly inputs: number;
}

/**
 * Compares what levels of access are worth for each question of a recipe. All questions are asked in the same requests, and
 * each run trains one student for all of them. Each question has a study of its own in the folder `questions/NAME`, with the
 * files that `compare` writes. `joint.json` has the agreement on all questions together.
 */
export async function compareQuestions(recipe: Recipe, options: StudyOptions = {}): Promise<QuestionsResults> {
  checkOptions('compareQuestions', options, STUDY);
  const {questions = []} = recipe;
  if (questions.length === 0) throw new InputError('The recipe has no `questions`. Use `compare()`.');
  const started = performance.now();
  const directory = directoryOf(recipe, options);
  return withStudies(recipe, options, beginStudy, async studies => {
    checkSameInputs(studies);
    const prepared: Prepared[] = [];
    for (const {study} of studies) prepared.push(await prepare(study, started));
    const trained = await trainJointly(prepared, questions, directory);
    const found: QuestionResults[] = [];
    for (const [index, question] of questions.entries()) {
      const one = prepared[index]!;
      const measures = measuresOf(question, one, trained[index]!);
      found.push({question, directory: one.study.directory, results: await finish(one, trained[index]!), measures});
    }
    const joint = jointResults(prepared, trained);
    await mkdir(directory, {recursive: true});
    const results = {name: recipe.name, questions: found, joint};
    await writeFileAtomic(join(directory, 'joint.json'), `${JSON.stringify(jointDocument(results), undefined, 2)}\n`);
    return results;
  });
}

function jointDocument({name, questions, joint}: QuestionsResults) {
  const named = questions.map(({question, directory, measures}) => {
    return {name: question.name, type: question.type, directory, measures};
  });
  return {name, questions: named, joint};
}

/** @throws InputError if the data of two questions are not of the same inputs */
function checkSameInputs([first, ...others]: readonly QuestionStudy[]): void {
  for (const {study, question} of others) {
    const differing = (['train', 'test'] as const).find(
      split => digestOnce(study.recipe.data[split].inputs) !== digestOnce(first!.study.recipe.data[split].inputs),
    );
    if (differing === undefined) continue;
    throw new InputError(
      `\`data\` gives other inputs for \`${question!.name}\` than for \`${first!.question!.name}\`, in the ${differing} split. Give the same for all questions, in the same order.`,
    );
  }
}

function measuresOf(
  question: Question,
  {reference}: Prepared,
  trained: readonly Trained[],
): readonly MeasuredStudent[] {
  return trained.flatMap(({job: {method, seed}, outcome}) => {
    if (!('logits' in outcome)) return [];
    const measures = typedMeasures(question, outcome.logits, reference.labels);
    return [{level: method.level, method: method.method, seed, ...measures}];
  });
}

/** Agreement on all questions of an input, of the students that learned from all inputs. */
function jointResults(
  prepared: readonly Prepared[],
  trained: readonly (readonly Trained[])[],
): readonly JointMethodResult[] {
  const [{study, methods}] = prepared as readonly [Prepared];
  const count = study.recipe.data.test.inputs.count;
  return methods.flatMap(({level, method}, index) => {
    const found = study.recipe.seeds.flatMap(seed => {
      const runs = prepared.map((one, at) => {
        const {outcome} = trained[at]!.find(
          ({job}) => job.method === one.methods[index] && job.budget === undefined && job.seed === seed,
        )!;
        return 'logits' in outcome ? outcome : undefined;
      });
      if (runs.includes(undefined)) return [];
      const taught = new Int32Array(count * prepared.length).fill(-1);
      const named = taught.slice();
      for (const [at, {reference}] of prepared.entries()) {
        for (const [position, row] of Array.from(reference.rows).entries()) {
          const cell = row * prepared.length + at;
          taught[cell] = 1;
          named[cell] = runs[at]!.agreements[position]!;
        }
      }
      return [{seed, ...jointAgreement(taught, named, prepared.length)}];
    });
    if (found.length === 0) return [];
    const agreement = found.reduce((sum, one) => sum + one.agreement, 0) / found.length;
    const seeds = found.map(one => ({seed: one.seed, agreement: one.agreement}));
    return [{level, method, agreement, seeds, inputs: found[0]!.inputs}];
  });
}
