import type {TargetSummary} from '../../evaluate/effects.ts';
import type {Access} from '../../teacher.ts';
import type {LedgerTotals, Results} from '../results.ts';
import {count, decimal, MISSING, percent} from './format.ts';
import {type Html, html} from './html.ts';
import {cell, heading, methodHeading, table, teacherHeading, wordsHeading} from './table.ts';

/** What each method learned from, beside its colour. */
export function methodsTable({methods}: Results): Html {
  const rows = methods.map(
    (method, index) => html`<tr>${methodHeading(method, index)}<td class="words wide">${method.description}</td></tr>`,
  );
  return table('The methods', [wordsHeading('method'), wordsHeading('learned from')], rows);
}

/** The four effects of distilling logits, as numbers for each method. */
export function effectsTable({methods, teacherTargets, classes}: Results): Html {
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

/** What each level asked and what was bought, and what was asked only to measure. */
export function ledgerTable({ledger}: Results): Html {
  const levels: readonly Access[] = ['black-box', 'gray-box', 'white-box'];
  const rows = levels.flatMap(level => {
    const entry = ledger.byLevel[level];
    return entry === undefined ? [] : [ledgerRow(level, entry)];
  });
  const head = [wordsHeading('level'), ...['asked', 'cached', 'bought', 'calls'].map(name => heading(name))];
  const foot = [ledgerRow('all levels', ledger), ledgerRow('to measure, on the test split', ledger.evaluation)];
  return table('Answers by level', head, rows, foot);
}

function ledgerRow(name: string, {asked, cached, bought, calls}: LedgerTotals): Html {
  return html`<tr><th scope="row" class="words">${name}</th>${[asked, cached, bought, calls].map(value => cell(count(value)))}</tr>`;
}

function targetCells(targets: TargetSummary | undefined): readonly Html[] {
  return [targets?.smoothing, targets?.entropy].map(share => cell(share === undefined ? MISSING : percent(share)));
}
