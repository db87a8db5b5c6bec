import {Command} from 'commander';
import {sameClasses} from '../data/classes.ts';
import {isLabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {type Cascaded, cascaded} from '../evaluate/calibration.ts';
import {accuracy, evaluateLogits} from '../evaluate/metrics.ts';
import {loadStudent} from '../student/files.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {askReference} from '../study/asking.ts';
import {referenceLevel} from '../study/methods.ts';
import {openStudy, type Study} from '../study/study.ts';
import {engineLine} from './engine.ts';
import {loadRecipe} from './load-recipe.ts';
import {type StudyFlags, studyOptions, withStudyFlags} from './study-options.ts';
import {noteFallback, openTerminal} from './terminal.ts';

/** `limbeck evaluate STUDENT RECIPE`: a saved student on the test split, against true labels and the teacher. */
export function evaluateCommand(): Command {
  return withStudyFlags(new Command('evaluate'))
    .description('measure a saved student on a recipe’s test split, against true labels and against the teacher')
    .argument('<student>', 'the folder of a saved student')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .action(runEvaluate);
}

async function runEvaluate(folder: string, path: string, flags: StudyFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const recipe = await loadRecipe(path);
  terminal.note(await engineLine());
  const student = await loadStudent(folder);
  const study = await openStudy(recipe, [referenceLevel(recipe)], studyOptions(flags, terminal));
  try {
    checkClasses(student, study);
    const {inputs} = study.data.test;
    const raw = await predictLogits(student, inputs, {
      onFallback: noteFallback(terminal),
      ...(study.signal && {signal: study.signal}),
    });
    const reference = await askReference(study);
    const classes = student.classes.length;
    const teacherLogits = reference.logits;
    const {calibration} = student;
    const logits = calibration ? raw.map(logit => logit / calibration.temperature) : raw;
    const {accuracy: right, ...measured} = evaluateLogits({
      ...{logits, labels: reference.truth, classes},
      ...(teacherLogits && {teacherLogits}),
    });
    const metrics = {
      ...(isLabelled(study.data) && {accuracy: right}),
      ...measured,
      agreement: accuracy(logits, reference.labels, classes),
    };
    const cascade = calibration && cascaded(raw, reference.labels, classes, calibration);
    const whole = {teacher: reference.name, examples: inputs.count, ...metrics, ...(cascade && {cascade})};
    terminal.result({student: folder, ...whole}, `${table(metrics)}${cascade ? `\n${cascadeLine(cascade)}` : ''}`);
  } finally {
    await study.close();
  }
}

function cascadeLine({localShare, agreement}: Cascaded): string {
  const [own, same] = [localShare, agreement].map(share => (100 * share).toFixed(2));
  return `In a cascade the student answers ${own} % itself, and ${same} % of all answers are the teacher's.`;
}

/** An index must mean the same class to both. */
function checkClasses({classes}: Student, {data}: Study): void {
  if (sameClasses(classes, data.classes)) return;
  throw new InputError(
    `The student's classes (${classes.join(', ')}) are not those of the data (${data.classes.join(', ')}). ` +
      'Name a student that was trained by this recipe.',
  );
}

const SHOWN = {
  accuracy: ['Accuracy', 100, ' %'],
  agreement: ['Agreement with the teacher', 100, ' %'],
  klToTeacher: ['KL to the teacher', 1, ' nats'],
  nll: ['NLL', 1, ' nats'],
  ece: ['ECE', 100, ' %'],
  brier: ['Brier score', 1, ''],
} as const;

function table(metrics: Partial<Record<keyof typeof SHOWN, number>>): string {
  return Object.entries(SHOWN)
    .flatMap(([name, [title, scale, unit]]) => {
      const value = metrics[name as keyof typeof SHOWN];
      return value === undefined ? [] : [`${title.padEnd(28)}${(value * scale).toFixed(scale === 100 ? 2 : 4)}${unit}`];
    })
    .join('\n');
}
