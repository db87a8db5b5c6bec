import {dollars} from '../../ask/budget/price.ts';
import type {TargetSummary} from '../../evaluate/effects.ts';
import {LEVELS} from '../../levels.ts';
import type {LedgerTotals, Results} from '../results.ts';
import {count, decimal, MISSING, percent} from './format.ts';
import {type Html, html} from './html.ts';
import {cell, heading, methodHeading, table, teacherHeading, wordsHeading} from './table.ts';

/** The knowledge of each method, beside its colour. */
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

/** The answers that each level asked for and bought, and those that only measure. */
export function ledgerTable({ledger}: Results): Html {
  const rows = (columns: readonly LedgerColumn[]) => [
    ...LEVELS.flatMap(level => {
      const entry = ledger.byLevel[level];
      return entry === undefined ? [] : [ledgerRow(level, entry, columns)];
    }),
    ...Object.entries(ledger.byMethod).map(([method, entry]) => ledgerRow(`for ${method} alone`, entry, columns)),
  ];
  const all = [ledger, ledger.evaluation];
  const columns = LEDGER_COLUMNS.filter(({isShown}) => isShown === undefined || all.some(isShown));
  const head = [wordsHeading('level'), ...columns.map(({name}) => heading(name))];
  const foot = [
    ledgerRow('all levels', ledger, columns),
    ledgerRow('to measure, on the test split', ledger.evaluation, columns),
  ];
  return table('Answers by level', head, rows(columns), foot);
}

interface LedgerColumn {
  readonly name: string;
  readonly text: (totals: LedgerTotals) => string;
  /** Whether a ledger has something to show here; always shown without it. */
  readonly isShown?: (totals: LedgerTotals) => boolean;
}

const tokensOf = ({inputTokens, outputTokens}: LedgerTotals): number => inputTokens + outputTokens;

const LEDGER_COLUMNS: readonly LedgerColumn[] = [
  {name: 'asked', text: ({asked}) => count(asked)},
  {name: 'cached', text: ({cached}) => count(cached)},
  {name: 'bought', text: ({bought}) => count(bought)},
  {name: 'calls', text: ({calls}) => count(calls)},
  {name: 'tokens', text: totals => count(tokensOf(totals)), isShown: totals => tokensOf(totals) > 0},
  {
    name: 'cost',
    text: ({usd}) => (usd === undefined ? MISSING : dollars(usd)),
    isShown: ({usd = 0}) => usd > 0,
  },
];

function ledgerRow(name: string, totals: LedgerTotals, columns: readonly LedgerColumn[]): Html {
  return html`<tr><th scope="row" class="words">${name}</th>${columns.map(({text}) => cell(text(totals)))}</tr>`;
}

function targetCells(targets: TargetSummary | undefined): readonly Html[] {
  return [targets?.smoothing, targets?.entropy].map(share => cell(share === undefined ? MISSING : percent(share)));
}
