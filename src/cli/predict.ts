import {Command} from 'commander';
import {startEngine} from '../engine/engine.ts';
import {argmaxRows, softmaxRows} from '../evaluate/distributions.ts';
import {loadStudent} from '../student/files.ts';
import {predictLogits} from '../student/predict.ts';
import {readInputs} from './read-inputs.ts';
import {withJson} from './study-options.ts';
import {noteFallback, openTerminal} from './terminal.ts';

/** `limbeck predict STUDENT [FILE]`: what a saved student says of inputs. */
export function predictCommand(): Command {
  return withJson(new Command('predict'))
    .description('say what a saved student makes of inputs')
    .argument('<student>', 'the folder of a saved student')
    .argument('[file]', 'an IDX file, or JSON lines with one array of numbers each (default: JSON lines on stdin)', '-')
    .action(runPredict);
}

async function runPredict(folder: string, file: string, {json = false}: {readonly json?: boolean}): Promise<void> {
  const terminal = openTerminal({json});
  await startEngine();
  const student = await loadStudent(folder);
  const inputs = await readInputs(file, student);
  const classes = student.classes.length;
  const logits = await predictLogits(student, inputs, {onFallback: noteFallback(terminal)});
  const probabilities = softmaxRows(logits, classes);
  const predictions = Array.from(argmaxRows(logits, classes), (label, row) => ({
    class: student.classes[label]!,
    label,
    confidence: probabilities[row * classes + label]!,
    probabilities: Array.from(probabilities.subarray(row * classes, (row + 1) * classes)),
  }));
  const lines = predictions.map(({class: name, confidence}) => `${name}\t${confidence.toFixed(4)}`);
  terminal.result({student: folder, classes: student.classes, predictions}, lines.join('\n'));
}
