import {dollars} from '../../ask/budget/price.ts';
import {LEVELS} from '../../levels.ts';
import type {LedgerTotals, Results} from '../results.ts';
import {count, MISSING} from './format.ts';
import {type Html, html} from './html.ts';
import {cell, heading, table, wordsHeading} from './table.ts';

/** The answers that each level asked for and bought, and those that only measure. */
export function ledgerTable({ledger}: Pick<Results, 'ledger'>): Html {
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

/** Says what the columns of the table count. */
export function ledgerNote({ledger}: Pick<Results, 'ledger'>): Html {
  const isImported = [ledger, ledger.evaluation].some(({imported = 0}) => imported > 0);
  const imported = isImported ? ', imported those of them that came from logs and cost nothing here' : '';
  return html`<p>Asked counts the questions of a level, cached those that the store could answer${imported}, bought those that the teacher was asked for in this study, calls the requests that went out with all retries. A study that was interrupted counts what it bought before, but no request that brought no answer then.</p>`;
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
  {name: 'imported', text: ({imported = 0}) => count(imported), isShown: ({imported = 0}) => imported > 0},
  {name: 'bought', text: ({bought}) => count(bought)},
  {name: 'calls', text: ({calls}) => count(calls)},
  {name: 'tokens', text: totals => count(tokensOf(totals)), isShown: totals => tokensOf(totals) > 0},
  {
    name: 'from a prompt cache',
    text: ({cacheReadTokens = 0}) => count(cacheReadTokens),
    isShown: ({cacheReadTokens = 0}) => cacheReadTokens > 0,
  },
  {
    name: 'cost',
    text: ({usd}) => (usd === undefined ? MISSING : dollars(usd)),
    isShown: ({usd = 0}) => usd > 0,
  },
];

function ledgerRow(name: string, totals: LedgerTotals, columns: readonly LedgerColumn[]): Html {
  return html`<tr><th scope="row" class="words">${name}</th>${columns.map(({text}) => cell(text(totals)))}</tr>`;
}
