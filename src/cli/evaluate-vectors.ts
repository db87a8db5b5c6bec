import {selectRows} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import type {VectorMetrics} from '../evaluate/vectors.ts';
import {outputWidth} from '../student/forward.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {askReference} from '../study/reference.ts';
import {decimal} from '../study/report/format.ts';
import type {Study} from '../study/study.ts';
import {measuredAgainst} from '../study/vectors/measure.ts';
import {noteFallback, type Terminal} from './terminal.ts';

/** Measures a student on the test split of a study whose teacher gives vectors, for programs and for people. */
export async function measuredVectors(
  study: Study,
  student: Student,
  terminal: Terminal,
): Promise<{readonly document: object; readonly text: string}> {
  if (student.output !== 'vector') {
    throw new InputError(
      `Student ${student.model.name} has classes, and the teacher of the recipe gives vectors. Name a student that was trained by this recipe.`,
    );
  }
  const {inputs} = study.recipe.data.test;
  const raw = await predictLogits(student, inputs, {onFallback: noteFallback(terminal), signal: study.signal});
  const {name: teacher, vectors, rows, missing} = await askReference(study);
  const dimensions = outputWidth(student);
  const {metrics} = measuredAgainst(vectors!, selectRows(raw, dimensions, rows));
  const counts = {examples: inputs.count, missing: missing.count, missingShare: missing.share};
  return {
    document: {teacher, ...counts, dimensions, teacherDimensions: vectors!.dimensions, ...metrics},
    text: [
      ...vectorLines(metrics),
      ...(missing.count > 0
        ? [
            `The teacher left ${missing.count} of ${missing.total} examples without a vector. Nothing is measured on them.`,
          ]
        : []),
    ].join('\n'),
  };
}

/** The measures of a student of vectors, a line each. */
export function vectorLines(metrics: VectorMetrics): readonly string[] {
  const {meanCosine, meanCosineInterval, recall, recallInterval, neighbours, spearman} = metrics;
  const within = (interval: readonly [number, number] | undefined) =>
    interval ? ` (95 % interval ${decimal(interval[0], 4)} to ${decimal(interval[1], 4)})` : '';
  return [
    ...(meanCosine === undefined ? [] : [['Mean cosine', decimal(meanCosine, 4), within(meanCosineInterval)]]),
    [`Recall of ${neighbours} neighbours`, decimal(recall, 4), within(recallInterval)],
    ['Spearman of the cosines', decimal(spearman, 4), ' (a point estimate)'],
  ].map(([name, figure, rest]) => `${name!.padEnd(28)}${figure}${rest}`);
}
