import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {randomFraction, randomInteger, seededRandom} from '../../src/data/random.ts';
import {mean} from '../../src/evaluate/statistics.ts';
import {typedMeasures} from '../../src/evaluate/typed-measures.ts';
import {classesOf, type Question} from '../../src/question.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import {jointDocument} from '../../src/study/joint/files.ts';
import type {QuestionsResults} from '../../src/study/joint/results.ts';
import {jointFindings, type QuestionRuns} from '../../src/study/joint/results-of.ts';
import type {Study} from '../../src/study/study.ts';
import {sampleResults, usualMethods} from './sample-results.ts';

const usualQuestions: readonly Question[] = [
  choice('topic', 'What is the message about?', ['billing', 'fault', 'other']),
  predicate('urgent', 'Must it be answered today?'),
  score('mood', 'How content is the writer?', ['furious', 'annoyed', 'calm', 'happy']),
];

export interface SampleQuestionsOptions {
  /** @default a choice, a predicate and a score */
  readonly questions?: readonly Question[];
  /** Of the methods. @default the usual five */
  readonly methods?: number;
  /** @default [1, 2, 3] */
  readonly seeds?: readonly number[];
  /** @default one budget */
  readonly sizes?: readonly number[];
}

/** Test inputs. */
const INPUTS = 400;

/** A study of several questions in `folder`: the later a method, the oftener its students agree, on the first question most. */
export function sampleQuestions(
  folder: string,
  {questions = usualQuestions, methods: count = 5, seeds = [1, 2, 3], sizes = [2000]}: SampleQuestionsOptions = {},
): QuestionsResults {
  const methods = usualMethods.slice(0, count);
  const runs: QuestionRuns[] = [];
  const found = questions.map((question, at) => {
    const classes = classesOf(question);
    const random = seededRandom(at, question.name);
    const labels = Int32Array.from({length: INPUTS}, () => randomInteger(random, 0, classes.length - 1));
    const hardness = Float64Array.from(labels, () => randomFraction(random));
    const trained = methods.flatMap((method, index) =>
      sizes.flatMap((size, place) =>
        seeds.map(seed => {
          const share = 0.9 - 0.05 * at + 0.02 * index - 0.03 * (sizes.length - 1 - place);
          const own = seededRandom(seed, `${question.name} ${index} ${size}`);
          const agreements = Uint8Array.from(hardness, hard =>
            0.8 * hard + 0.2 * randomFraction(own) < share ? 1 : 0,
          );
          const budget = place === sizes.length - 1 ? undefined : size;
          return {job: {method, budget, seed}, outcome: {agreements}};
        }),
      ),
    );
    runs.push({
      reference: {rows: Int32Array.from(labels, (_, row) => row)},
      trained,
    } as unknown as QuestionRuns);
    const whole = trained.filter(({job}) => job.budget === undefined);
    const sample = sampleResults({classes, methods, seeds});
    const rows = sample.rows.map((row, index) => ({...row, agreement: mean(whole[index]!.outcome.agreements)}));
    const measures = whole.map(
      ({
        job: {
          method: {level, method},
          seed,
        },
        outcome,
      }) => {
        const logits = Array.from(labels, (label, row) => {
          const named = outcome.agreements[row] === 1 ? label : (label + 1) % classes.length;
          return classes.map((_, index) => (index === named ? 3 : 0));
        });
        return {level, method, seed, ...typedMeasures(question, logits.flat(), labels)};
      },
    );
    const results = {...sample, name: 'tickets', sizes: {...sample.sizes, test: INPUTS}, rows};
    return {question, directory: join(folder, 'questions', question.name.replaceAll(/\W/g, '-')), results, measures};
  });
  const recipe = {seeds, ...(sizes.length > 1 && {budgets: {sizes}})} as Study['recipe'];
  return {
    schema: 'limbeck.joint/1',
    name: 'tickets',
    ...jointFindings({recipe}, runs, found[0]!.results.sizes),
    seconds: 384.2,
    finishedAt: '2025-11-12T14:03:27.120Z',
    versions: {limbeck: '0.1.0', node: '20.20.2'},
    questions: found,
    failures: [],
  };
}

/** Writes the results of such a study into a folder. */
export function writeQuestions(folder: string, options: SampleQuestionsOptions = {}): void {
  const results = sampleQuestions(folder, options);
  for (const {directory, results: own} of results.questions) {
    mkdirSync(directory, {recursive: true});
    writeFileSync(join(directory, 'results.json'), JSON.stringify(own));
  }
  writeFileSync(join(folder, 'joint.json'), JSON.stringify(jointDocument(folder, results)));
}
