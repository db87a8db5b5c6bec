import type {TargetSummary} from '../../evaluate/effects.ts';
import type {MethodResult, Results} from '../results.ts';
import {decimal, MISSING, percent, percentage} from './format.ts';
import {type Html, html} from './html.ts';
import {ranked, spreadOf} from './spread.ts';
import {baselineName} from './summary.ts';
import {cell, heading, methodHeading, table, teacherHeading, wordsHeading} from './table.ts';

/** The four effects of distilling logits: what they are, and how large they are here. */
export function effects(results: Results): Html {
  return html`<p>A distribution over the classes tells a student four things that a bare label does not: how much to hold back (label smoothing), how sure to be of this very input (continuous targets), how inputs of one class differ (intra-class variance), and which classes are alike (inter-class relation).</p>
${effectsTable(results)}
<ul>${effectSentences(results).map(([name, sentence]) => html`<li><strong>${name}.</strong> ${sentence}</li>`)}</ul>`;
}

/**
 * Each effect with what its number means here: the method with the softest targets beside the baseline. None if there are no
 * two such methods. These are point estimates.
 */
export function effectSentences(results: Results): readonly (readonly [name: string, sentence: string])[] {
  const hard = results.methods.find(({method}) => method === baselineName(results));
  const [soft] = ranked(results.methods, ({targets}) => targets.smoothing);
  if (hard === undefined || soft === undefined || soft === hard) return [];
  return [
    ['Label smoothing', smoothingSentence(results, soft, hard)],
    ['Continuous targets', targetsSentence(soft, hard)],
    ['Intra-class variance', varianceSentence(soft, hard)],
    ['Inter-class relation', relationSentence(results, soft, hard)],
  ];
}

function smoothingSentence(results: Results, soft: MethodResult, hard: MethodResult): string {
  const [softEntropy, hardEntropy] = [soft, hard].map(method => spreadOf(results, method, 'entropy').mean);
  const [more, less] = softEntropy! > hardEntropy! ? ['less', 'as its targets tell them'] : ['no less', 'for all that'];
  return `The targets of “${soft.method}” put ${percentage(soft.targets.smoothing, 1)} of the mass off the top class, those of “${hard.method}” ${percentage(hard.targets.smoothing, 1)}. Its students are ${more} sure of their answers, ${less}: mean entropy ${decimal(softEntropy!, 3)} nats against ${decimal(hardEntropy!, 3)}.`;
}

/** The first bin of the histogram holds the targets that leave next to nothing open. */
function targetsSentence(soft: MethodResult, hard: MethodResult): string {
  const [softShare, hardShare] = [soft, hard].map(({targets: {histogram}}) => {
    const total = histogram.reduce((sum, value) => sum + value, 0);
    return 1 - histogram[0]! / total;
  });
  const bin = percentage(1 / soft.targets.histogram.length, 0);
  return `${percentage(softShare!, 1)} of the targets of “${soft.method}” say that their input is not clear (entropy above ${bin} of the most), and each to its own degree; of “${hard.method}” ${percentage(hardShare!, 1)} do.`;
}

function varianceSentence(soft: MethodResult, hard: MethodResult): string {
  const [own, other] = [soft.intraClassVariance, hard.intraClassVariance];
  const found = own > other ? 'differ more' : 'differ less';
  return `Answers about inputs of one class ${found} with “${soft.method}” than with “${hard.method}”: a variance of ${decimal(own, 4)} against ${decimal(other, 4)}, ${percentage(Math.abs(own - other) / other, 0)} ${own > other ? 'more' : 'less'}.`;
}

function relationSentence({classes}: Results, soft: MethodResult, hard: MethodResult): string {
  if (classes.length < 3) return 'With two classes there is no pattern of which are alike.';
  const [own, other] = [soft.relationCorrelation, hard.relationCorrelation];
  const found = own > other ? 'nearer to' : 'no nearer to';
  return `The students of “${soft.method}” are ${found} the teacher in which classes they take for alike than those of “${hard.method}”: correlation ${decimal(own, 3)} against ${decimal(other, 3)}.`;
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
