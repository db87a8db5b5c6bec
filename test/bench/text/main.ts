/** What students of texts come to, and what they take, beside scikit-learn in the same run. */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Command, InvalidArgumentError} from 'commander';
import {embeddingHead, hashedNgrams, type Recipe, startEngine, staticEmbedding} from 'limbeck';
import {medoids} from 'limbeck/select';
import {suitsMedoids} from '../../../src/cli/init/sizes.ts';
import {withKeptEncodings} from '../../../src/encoder/kept.ts';
import {openEncoder} from '../../../src/encoder/open.ts';
import {mean} from '../../../src/evaluate/statistics.ts';
import {beginStudy, finish, prepare} from '../../../src/study/compare.ts';
import {measure} from '../../../src/study/measure.ts';
import {trainMethods} from '../../../src/study/train-methods.ts';
import {recipeOf, type Taught, type TextSet, textSets} from './sets.ts';

const settings = new Command('bench:text')
  .description('Students of texts, and scikit-learn, by the number of answers.')
  .option('--json <file>', 'also writes the figures')
  .option('--texts <folder>', 'also a folder with train.jsonl and test.jsonl of lines with `text` and `label`')
  .option('--sets <name...>', 'only these sets of texts: mails, languages, folder')
  .option('--students <name...>', 'only these students')
  .option('--answers <number...>', 'numbers of answers: 500 by default', counts)
  .option('--seeds <number>', 'seeds of each', wholeNumber, 3)
  .option('--encoder <name>', 'encoder of texts: a name or a folder', 'all-minilm-l6-v2')
  .option('--python <path>', 'a Python with scikit-learn', 'python3')
  .allowExcessArguments(false)
  .parse()
  .opts<Settings>();

interface Settings {
  readonly json?: string;
  readonly texts?: string;
  readonly sets?: readonly string[];
  readonly students?: readonly string[];
  readonly answers?: readonly number[];
  readonly seeds: number;
  readonly encoder: string;
  readonly python: string;
}

/** The students. `auto` is what `init` writes if an encoder is there, with its choice of texts. */
const STUDENTS: Readonly<Record<string, Taught>> = {
  hashedNgrams: {student: hashedNgrams()},
  auto: {student: hashedNgrams({units: [96]}), assistant: {encoder: settings.encoder}},
  staticEmbedding: {student: staticEmbedding({encoder: settings.encoder})},
  'staticEmbedding, assisted': {
    student: staticEmbedding({encoder: settings.encoder}),
    assistant: {encoder: settings.encoder},
  },
  embeddingHead: {student: embeddingHead({model: settings.encoder})},
  'embeddingHead, hidden layer': {student: embeddingHead({model: settings.encoder, units: [512]})},
  'embeddingHead, hidden layer, assisted': {
    student: embeddingHead({model: settings.encoder, units: [512]}),
    assistant: {encoder: settings.encoder},
  },
};

/** Figures of one student, means over the seeds. Those that were not measured are null. */
interface Figures {
  readonly name: string;
  readonly answers: number;
  readonly student: string;
  readonly agreement: number;
  /** Of the student, of all that teaches or calibrates it, and of its answers to the test split. Encoding is left out. */
  readonly trainCpuSeconds: number;
  readonly sklearnAgreement: number | null;
  readonly sklearnCpuSeconds: number | null;
  readonly bytes: number | null;
  readonly textsPerSecond: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

type Sklearn = Pick<Figures, 'sklearnAgreement' | 'sklearnCpuSeconds'>;

function wholeNumber(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number of at least 1.');
}

function counts(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, wholeNumber(text)];
}

function benchRecipe(set: TextSet, student: string, answers: number, seed: number): Recipe {
  const isChosen = student === 'auto' && suitsMedoids(set.classes.length, answers, set.pool.length);
  const select = isChosen ? {by: medoids({encoder: settings.encoder}), held: 50, size: answers} : undefined;
  return recipeOf(set, {answers, seed}, {calibration: {}, ...STUDENTS[student]!}, select);
}

const cpuSeconds = (): number => {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1e6;
};

const cache = mkdtempSync(join(tmpdir(), 'limbeck-bench-text-'));

async function measured(set: TextSet, student: string, answers: number): Promise<Figures> {
  const runs = [];
  for (let seed = 1; seed <= settings.seeds; seed++) {
    const directory = join(cache, `${set.name}-${student}-${answers}-${seed}`);
    runs.push(await trainedBy(benchRecipe(set, student, answers, seed), directory));
  }
  const {efficiency} = runs[0]!;
  return {
    name: set.name,
    answers,
    student,
    agreement: mean(runs.map(run => run.agreement)),
    trainCpuSeconds: mean(runs.map(run => run.cpu)),
    ...sklearn(set, answers),
    bytes: efficiency?.bytes ?? null,
    textsPerSecond: efficiency?.answersPerSecond ?? null,
    p50Ms: efficiency?.latency?.p50 ?? null,
    p99Ms: efficiency?.latency?.p99 ?? null,
  };
}

/** `compare`, and what its training took: texts are chosen and asked about before, as `limbeck label` does. */
async function trainedBy(recipe: Recipe, directory: string) {
  const study = await beginStudy(recipe, {directory, cache: join(cache, 'answers')});
  try {
    const prepared = await prepare(study, performance.now());
    const before = cpuSeconds();
    const trained = await trainMethods(study, prepared.methods, {
      measure: (job, executed) => measure(job, executed, prepared.reference, study.recipe.data),
    });
    const cpu = cpuSeconds() - before;
    const {rows, methods} = await finish(prepared, trained);
    return {cpu, agreement: rows[0]!.agreement, efficiency: methods[0]!.efficiency};
  } finally {
    await study.close();
  }
}

const known = new Map<string, Sklearn>();

/** TF-IDF and logistic regression on as many texts, drawn at random. */
function sklearn({name, pool, test}: TextSet, answers: number): Sklearn {
  const key = `${name} ${answers}`;
  const before = known.get(key);
  if (before) return before;
  const script = join(import.meta.dirname, 'sklearn_texts.py');
  const input = JSON.stringify({pool, test, answers, seeds: settings.seeds});
  const {status, stdout, stderr} = spawnSync(settings.python, [script], {input, encoding: 'utf8', maxBuffer: 2 ** 28});
  if (status !== 0) console.error(`scikit-learn was not measured: ${stderr.trim().split('\n').at(-1)}`);
  const found: Sklearn = status === 0 ? JSON.parse(stdout) : {sklearnAgreement: null, sklearnCpuSeconds: null};
  known.set(key, found);
  return found;
}

const percent = (share: number | null): string => (share === null ? '–' : (100 * share).toFixed(1));
const rounded = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits));

await startEngine();
const figures: Figures[] = [];
console.log('| set | answers | student | agreement | CPU s | scikit-learn | CPU s | kB | texts/s | p50 ms | p99 ms |');
console.log(`|${' --- |'.repeat(11)}`);
const encoder = withKeptEncodings(await openEncoder(settings.encoder), cache);
for (const set of await textSets(settings.texts, settings.sets)) {
  // Each text is encoded once for all recipes, and that is not training.
  await encoder.encode([...set.pool, ...set.test].map(({text}) => text));
  // Most pieces of a table are encoded then, too.
  const {preparation} = staticEmbedding({encoder: settings.encoder});
  await preparation!.prepare(
    set.pool.map(({text}) => text),
    {directory: cache},
  );
  for (const answers of settings.answers ?? [500]) {
    for (const student of settings.students ?? Object.keys(STUDENTS)) {
      const own = await measured(set, student, Math.min(answers, set.pool.length));
      figures.push(own);
      const {sklearnAgreement, sklearnCpuSeconds, bytes} = own;
      const cells = [
        ...[own.name, own.answers, student, percent(own.agreement), rounded(own.trainCpuSeconds, 1)],
        ...[percent(sklearnAgreement), rounded(sklearnCpuSeconds, 1), bytes === null ? '–' : Math.round(bytes / 1000)],
        ...[rounded(own.textsPerSecond, 0), rounded(own.p50Ms, 2), rounded(own.p99Ms, 2)],
      ];
      console.log(`| ${cells.join(' | ')} |`);
    }
  }
}
await encoder.close();
rmSync(cache, {recursive: true, force: true});
if (settings.json) writeFileSync(settings.json, `${JSON.stringify({sets: figures}, undefined, 2)}\n`);
