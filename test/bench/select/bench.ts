/** Compares strategies of choosing inputs: students of MNIST at several budgets, or heads on the encodings of texts. */
import {appendFileSync} from 'node:fs';
import {Command, InvalidArgumentError, Option} from 'commander';
import recipe, {teacher as folder} from '../../../examples/mnist/recipe.ts';
import {degrade} from '../../../src/ask/compose/degrade.ts';
import {argmaxRows} from '../../../src/data/arrays.ts';
import {transferSet} from '../../../src/data/split.ts';
import {openEncoder} from '../../../src/encoder/open.ts';
import {startEngine} from '../../../src/engine/engine.ts';
import {mean, standardDeviation} from '../../../src/evaluate/statistics.ts';
import type {Knowledge} from '../../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../../src/losses/hard-labels.ts';
import type {LossTerm} from '../../../src/losses/loss.ts';
import {softLabels} from '../../../src/losses/soft-labels.ts';
import {balanced} from '../../../src/select/balanced.ts';
import {type CurvePoint, type ExpectedGain, errorAt, fitCurve} from '../../../src/select/curve.ts';
import {disagreement} from '../../../src/select/disagreement.ts';
import {entropy} from '../../../src/select/entropy.ts';
import {kCenter} from '../../../src/select/k-center.ts';
import {margin} from '../../../src/select/margin.ts';
import {random} from '../../../src/select/random.ts';
import {selectInRounds} from '../../../src/select/select-in-rounds.ts';
import type {Strategy} from '../../../src/select/strategy.ts';
import {asTeacher} from '../../../src/student/as-teacher.ts';
import {loadStudent} from '../../../src/student/files.ts';
import {mlp} from '../../../src/student/mlp.ts';
import {predictLogits} from '../../../src/student/predict.ts';
import type {Student} from '../../../src/student/student.ts';
import type {Detail, Teacher} from '../../../src/teacher.ts';
import {adam} from '../../../src/train/optimizer.ts';
import {train} from '../../../src/train/train.ts';
import {compareOnTexts} from './texts.ts';

const STRATEGIES: readonly Strategy[] = [random(), margin(), entropy(), kCenter(), disagreement(), balanced()];
const BUDGETS = [250, 500, 1000, 2000];
const SIZE = 250;
const HELD = 100;
const EPOCHS = 50;

interface Access {
  readonly name: string;
  readonly level: 'black-box' | 'gray-box';
  readonly detail: Detail;
  readonly losses: readonly LossTerm[];
}

const ACCESS: readonly Access[] = [
  {name: 'labels', level: 'black-box', detail: {kind: 'label'}, losses: [hardLabels()]},
  {
    name: 'log-probabilities',
    level: 'gray-box',
    detail: {kind: 'log-probabilities'},
    losses: [softLabels({temperature: 4})],
  },
];

const settings = new Command('bench:select')
  .description('Compares ways to choose the inputs that a teacher is asked about, on MNIST, or on texts.')
  .option('--seeds <number>', 'seeds of each', wholeNumber, 3)
  .addOption(new Option('--access <name...>', 'only these').choices(ACCESS.map(({name}) => name)))
  .addOption(new Option('--by <name...>', 'only these').choices(STRATEGIES.map(({name}) => name)))
  .option('--jsonl <file>', 'also writes each figure, a line each')
  .option('--texts [folder]', 'mails and languages instead; also a folder with train.jsonl and test.jsonl')
  .option('--sets <name...>', 'only these sets of texts: mails, languages, folder')
  .option('--answers <number>', 'answers about texts', wholeNumber, 500)
  .option('--encoder <name>', 'encoder of texts: a name or a folder', 'all-minilm-l6-v2')
  .allowExcessArguments(false)
  .parse()
  .opts<Settings>();

interface Settings {
  readonly seeds: number;
  readonly access?: readonly string[];
  readonly by?: readonly string[];
  readonly jsonl?: string;
  readonly texts?: true | string;
  readonly sets?: readonly string[];
  readonly answers: number;
  readonly encoder: string;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return value;
}

await startEngine();
if (settings.texts !== undefined) {
  const {texts, encoder: name, ...others} = settings;
  const encoder = await openEncoder(name).catch((error: unknown) => {
    console.log(`Texts are skipped, because there is no encoder. ${(error as Error).message}`);
  });
  if (encoder) {
    await compareOnTexts({...others, encoder, folder: texts === true ? undefined : texts, sets: settings.sets});
    await encoder.close();
  }
  process.exit();
}
const {classes, train: examples, test} = await recipe.data();
const model = await loadStudent(folder);
const truth = argmaxRows(await predictLogits(model, test.inputs), classes.length);
const pool = transferSet(examples);

/** Share of the test inputs on which a student agrees with the teacher. */
async function agreementOnTest(student: Student): Promise<number> {
  const named = argmaxRows(await predictLogits(student, test.inputs), classes.length);
  return mean(named.map((label, row) => (label === truth[row] ? 1 : 0)));
}

async function trained({losses}: Access, knowledge: Knowledge, seed: number): Promise<Student> {
  const student = mlp({units: [64]})({classes, inputShape: [28, 28, 1], preprocessing: {scale: 1 / 255}}, seed);
  for await (const _epoch of train(student, knowledge, {
    losses,
    seed,
    epochs: EPOCHS,
    batchSize: 64,
    optimizer: adam(),
  }));
  return student;
}

/** Quality of the rounds' estimates, measured on the test split. */
const estimates = {rounds: 0, agreementHeld: 0, gains: 0, gainHeld: 0, expected: 0, brought: 0};

/** @returns agreement on the test inputs at each budget, of a student that learned from all that was asked */
async function run(access: Access, by: Strategy, seed: number): Promise<number[]> {
  const teacher: Teacher = degrade(asTeacher(model), {access: access.level, detail: access.detail});
  const members: number[] = [];
  const atBudget: number[] = [];
  const measured: CurvePoint[] = [];
  const expected: ExpectedGain[] = [];
  const rounds = selectInRounds(teacher, pool, {
    ...{by, seed, most: BUDGETS.at(-1)!, held: HELD, first: BUDGETS[0]! - HELD, size: SIZE},
    async train(knowledge, own) {
      const student = await trained(access, knowledge, own);
      members.push(await agreementOnTest(student));
      return student;
    },
  });
  for await (const {knowledge, agreement, gain} of rounds) {
    const onTest = mean(members.splice(0));
    measured.push({answers: knowledge.inputs.count - HELD, error: 1 - onTest});
    if (gain) expected.push(gain);
    estimates.rounds++;
    const [low, high] = agreement!.interval;
    if (low <= onTest && onTest <= high) estimates.agreementHeld++;
    if (!BUDGETS.includes(knowledge.inputs.count)) continue;
    const student = await trained(access, knowledge, seed);
    atBudget.push(await agreementOnTest(student));
    student.model.dispose();
  }
  compareGains(expected, measured);
  return atBudget;
}

/**
 * The gain of 100 calls is read from the learning curve of all rounds on the test split, because one student varies.
 */
function compareGains(expected: readonly ExpectedGain[], measured: readonly CurvePoint[]): void {
  const curve = fitCurve(measured)!;
  for (const [index, {gain, interval}] of expected.entries()) {
    const {answers} = measured[index + 1]!;
    const brought = errorAt(curve, answers) - errorAt(curve, answers + 100);
    estimates.gains++;
    estimates.expected += gain;
    estimates.brought += brought;
    if (interval[0] <= brought && brought <= interval[1]) estimates.gainHeld++;
  }
}

const points = (share: number): string => (100 * share).toFixed(2);

for (const access of ACCESS.filter(({name}) => settings.access?.includes(name) ?? true)) {
  console.log(`\n| ${access.name} | ${BUDGETS.join(' | ')} |\n| --- |${' --- |'.repeat(BUDGETS.length)}`);
  for (const by of STRATEGIES.filter(({name}) => settings.by?.includes(name) ?? true)) {
    const runs: number[][] = [];
    for (let seed = 1; seed <= settings.seeds; seed++) {
      runs.push(await run(access, by, seed));
      if (settings.jsonl) {
        const line = {access: access.name, by: by.name, seed, agreement: runs.at(-1)};
        appendFileSync(settings.jsonl, `${JSON.stringify(line)}\n`);
      }
    }
    const cells = BUDGETS.map((_, position) => {
      const shares = runs.map(run => run[position]!);
      return `${points(mean(shares))} ± ${points(standardDeviation(shares))}`;
    });
    console.log(`| ${by.name} | ${cells.join(' | ')} |`);
  }
}
const {rounds, agreementHeld, gains, gainHeld, expected, brought} = estimates;
console.log(`\nThe interval of the agreement held that on the test split in ${agreementHeld} of ${rounds} rounds.`);
console.log(
  `100 calls were expected to buy ${points(expected / gains)} points on average and bought ${points(brought / gains)}; the interval held what they bought in ${gainHeld} of ${gains} rounds.`,
);
