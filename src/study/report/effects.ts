import type {TargetSummary} from '../../evaluate/effects.ts';
import type {Results} from '../results.ts';
import {decimal, MISSING, percent} from './format.ts';
import {type Html, html} from './html.ts';
import {cell, heading, methodHeading, table, teacherHeading, wordsHeading} from './table.ts';

/** The four effects of distilling logits: what they are, and how large they are here. */
export function effects(results: Results): Html {
  return html`<p>A distribution over the classes tells a student four things that a bare label does not: how much to hold back (label smoothing), how sure to be of this very input (continuous targets), how inputs of one class differ (intra-class variance), and which classes are alike (inter-class relation).</p>
${effectsTable(results)}`;
}

/** The four effects of distilling logits, as numbers for each method. */
function effectsTable({methods, teacherTargets, classes}: Results): Html {
  const rows = methods.map(
    (method, index) =>
      html`<tr>${methodHeading(method, index)}${targetCells(method.targets)}${cell(decimal(method.intraClassVariance, 4))}${cell(decimal(method.relationCorrelation, 3))}</tr>`,
  );
  const teacher = html`<tr>${teacherHeading('teacher, T = 1')}${targetCells(teacherTargets)}${cell(MISSING)}${cell(decimal(1, 3))}</tr>`;
  const head = [
    wordsHeading('method'),
    heading('label smoothing', 'mass off the top class, %'),
    heading('continuous targets', `entropy, % of ln ${classes.length}`),
    heading('intra-class variance', 'of the student’s outputs'),
    heading('inter-class relation', 'correlation with the teacher'),
  ];
  return table('The four effects of distilling logits', head, [teacher, ...rows]);
}

function targetCells(targets: TargetSummary | undefined): readonly Html[] {
  return [targets?.smoothing, targets?.entropy].map(share => cell(share === undefined ? MISSING : percent(share)));
}
