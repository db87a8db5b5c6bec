import {distributionsOf, sameClasses} from '../data/arrays.ts';
import {type Inputs, selectRows} from '../data/inputs.ts';
import {type Dataset, isLabelled, type UnlabelledDataset} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {type CascadeResult, cascadeOf} from '../evaluate/calibration.ts';
import {evaluate, meanKlOf, meanWhereTeacherErrs} from '../evaluate/metrics.ts';
import {mean} from '../evaluate/statistics.ts';
import {expectedLevelMeasures} from '../evaluate/typed-measures.ts';
import {loadRecipe} from '../recipe/load.ts';
import {boundsWithMissing} from '../statistics/bounds.ts';
import {loadHead} from '../student/files.ts';
import {gatekeeper} from '../student/gate.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {askReference, type Reference} from '../study/reference.ts';
import {promiseText, testText} from '../study/report/cascades.ts';
import type {MissingInputs} from '../study/results.ts';
import type {Study} from '../study/study.ts';
import {engineLine} from './engine.ts';
import {fileText, holdsLabels, measureOnFile} from './evaluate-file.ts';
import {measuredVectors} from './evaluate-vectors.ts';
import {headsFor, withHeadStudies} from './head-studies.ts';
import {type StudyFlags, studyOptions} from './study-options.ts';
import {noteFallback, openTerminal, type Terminal} from './terminal.ts';

export async function runEvaluate(
  folder: string,
  path: string,
  {question, ...flags}: StudyFlags & {readonly question?: string},
): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  if (holdsLabels(path)) return evaluateOnFile(folder, path, question, terminal);
  const source = await loadRecipe(path);
  terminal.note(await engineLine());
  const options = studyOptions(flags, terminal);
  const heads = await headsFor(source, folder, question);
  const found = await withHeadStudies(source, heads, options, async (study, student) => ({
    question: student.question?.name,
    ...(await measuredOn(study, student, terminal)),
  }));
  const [first] = found;
  if (found.length === 1) return terminal.result({student: folder, ...first!.document}, first!.text);
  terminal.result(
    {student: folder, questions: found.map(({question: name, document}) => ({name, ...document}))},
    found.map(({question: name, text}) => `${name}\n${text}`).join('\n\n'),
  );
}

/** The measures of a student of one question, for programs and for people. */
interface MeasuredHead {
  readonly document: object;
  readonly text: string;
}

/** Measures a student on the test split of a study. */
async function measuredOn(study: Study, student: Student, terminal: Terminal): Promise<MeasuredHead> {
  const {recipe} = study;
  if (recipe.givesVectors) return measuredVectors(study, student, terminal);
  checkClasses(student, recipe.data);
  const {inputs} = recipe.data.test;
  const raw = await predictLogits(student, inputs, {
    onFallback: noteFallback(terminal),
    signal: study.signal,
  });
  const reference = await askReference(study);
  const classes = student.classes.length;
  const {missing} = reference;
  const answered = selectRows(raw, classes, reference.rows);
  const metrics = measured(student, recipe.data, {all: raw, answered}, reference);
  const agreementBounds = boundsWithMissing(metrics.agreement, missing);
  const {calibration} = student;
  const cascade = calibration && cascadeOf(raw, reference.named, classes, calibration);
  const lines = [table(metrics), ...(missing.count > 0 ? [missingLine(missing, agreementBounds)] : [])];
  const gate = gateOf(student, inputs, raw);
  const others = [...(cascade ? cascadeLines(cascade) : []), ...(gate ? [gateLine(gate)] : [])];
  const document = {
    teacher: reference.name,
    examples: inputs.count,
    missing: missing.count,
    missingShare: missing.share,
    ...metrics,
    ...(missing.count > 0 && {agreementBounds}),
    cascade,
    gate,
  };
  return {document, text: [...lines, ...others].join('\n')};
}

async function evaluateOnFile(
  folder: string,
  path: string,
  question: string | undefined,
  terminal: Terminal,
): Promise<void> {
  terminal.note(await engineLine());
  const measures = await measureOnFile(await loadHead(folder, question), path, {onFallback: noteFallback(terminal)});
  terminal.result({student: folder, ...measures}, fileText(measures));
}

type Data = Dataset | UnlabelledDataset;

interface Logits {
  /** [test examples, classes]. */
  readonly all: Float32Array;
  /** [answered, classes], for the examples that the teacher answered. */
  readonly answered: Float32Array;
}

/** Measures with true labels on every test example, and with the teacher's answers on the examples that it answered. */
function measured({calibration, classes: {length: classes}}: Student, data: Data, raw: Logits, reference: Reference) {
  const calm = (logits: Float32Array) => (calibration ? logits.map(logit => logit / calibration.temperature) : logits);
  const [all, answered] = [calm(raw.all), calm(raw.answered)];
  const {labels, truth, distributions, expectedLevels} = reference;
  const student = distributionsOf(answered, classes);
  const same = Array.from(labels, (label, row) => (student.named[row] === label ? 1 : 0));
  const {
    accuracy: right,
    balancedAccuracy,
    macroF1,
    ...others
  } = isLabelled(data) ? evaluate(distributionsOf(all, classes), data.test.labels) : evaluate(student, truth);
  return {
    ...(isLabelled(data) && {
      accuracy: right,
      balancedAccuracy,
      macroF1,
      agreementWhereTeacherErrs: meanWhereTeacherErrs(same, labels, truth),
    }),
    ...others,
    agreement: mean(same),
    ...(distributions && {klToTeacher: meanKlOf(distributions, student)}),
    ...(expectedLevels && expectedLevelMeasures(expectedLevels, answered, classes)),
  };
}

function missingLine({count, total}: MissingInputs, bounds: readonly [number, number]): string {
  const [lowest, highest] = bounds.map(share => (100 * share).toFixed(2));
  return (
    `The teacher left ${count} of ${total} examples without an answer. Whatever its answers to these would be, the agreement on all ` +
    `is between ${lowest} and ${highest} %.`
  );
}

/** Without a threshold the student answers everything, and there is no promise. */
function cascadeLines(cascade: CascadeResult): readonly string[] {
  return [...(cascade.threshold > 0 || cascade.guarantee ? [promiseText(cascade)] : []), testText(cascade)];
}

/** The answers that a gate takes from a student, as shares of the test examples. */
interface GateCost {
  /** Share of the examples that it refuses. */
  readonly refused: number;
  /** Share of the examples that it refuses and that the student would have answered. */
  readonly refusedSure: number;
}

function gateOf({gate, classes, calibration}: Student, inputs: Inputs, logits: Float32Array): GateCost | undefined {
  if (gate === undefined || inputs.kind !== 'text') return undefined;
  const refuses = gatekeeper(gate);
  const refused = inputs.texts.map(refuses);
  const {temperature = 1, threshold = 0} = calibration ?? {};
  const {confidences} = distributionsOf(logits, classes.length, temperature);
  const sure = refused.filter((isRefused, row) => isRefused && confidences[row]! >= threshold).length;
  return {refused: refused.filter(Boolean).length / inputs.count, refusedSure: sure / inputs.count};
}

function gateLine({refused, refusedSure}: GateCost): string {
  const [all, sure] = [refused, refusedSure].map(share => (100 * share).toFixed(2));
  return `The gate leaves ${all} % of the test texts to the teacher because they are unlike the training texts. The student was sure of ${sure} %.`;
}

/** Checks that each index means the same class to both. */
function checkClasses({classes}: Student, data: Data): void {
  if (sameClasses(classes, data.classes)) return;
  throw new InputError(
    `The student's classes (${classes.join(', ')}) are not those of the data (${data.classes.join(', ')}). ` +
      'Name a student that was trained by this recipe.',
  );
}

const SHOWN = {
  accuracy: ['Accuracy', 100, ' %'],
  balancedAccuracy: ['Balanced accuracy', 100, ' %'],
  macroF1: ['Macro F1', 100, ' %'],
  agreement: ['Agreement with the teacher', 100, ' %'],
  agreementWhereTeacherErrs: ['Agreement where it errs', 100, ' %'],
  klToTeacher: ['KL to the teacher', 1, ' nats'],
  expectedMae: ['Error of the expected level', 1, ' levels'],
  expectedSpearman: ['Spearman of it', 1, ''],
  nll: ['NLL', 1, ' nats'],
  ece: ['ECE', 100, ' %'],
  adaptiveEce: ['Adaptive ECE', 100, ' %'],
  brier: ['Brier score', 1, ''],
} as const;

function table(metrics: Partial<Record<keyof typeof SHOWN, number | undefined>>): string {
  return Object.entries(SHOWN)
    .flatMap(([name, [title, scale, unit]]) => {
      const value = metrics[name as keyof typeof SHOWN];
      return value === undefined || Number.isNaN(value)
        ? []
        : [`${title.padEnd(28)}${(value * scale).toFixed(scale === 100 ? 2 : 4)}${unit}`];
    })
    .join('\n');
}
