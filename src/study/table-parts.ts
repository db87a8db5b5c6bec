import {createColors} from 'picocolors';
import {dollars} from '../ask/budget/price.ts';
import {count, counted, MISSING} from './report/format.ts';
import type {Comparison, LedgerTotals, MethodResult, Results} from './results.ts';

/** Answers asked and bought; those that methods of a level share stand on the first of their rows alone. */
export function ledgerCells(
  {ledger, methods}: Results,
  {level, method: name}: MethodResult,
  index: number,
): readonly string[] {
  if (level === 'none') return [MISSING, MISSING];
  const isShared = (other: MethodResult) => other.level === level && ledger.byMethod[other.method] === undefined;
  const own = ledger.byMethod[name];
  if (own === undefined && methods.findIndex(isShared) !== index) return ['', ''];
  const entry = own ?? ledger.byLevel[level];
  return entry === undefined ? [MISSING, MISSING] : [count(entry.asked), count(entry.bought)];
}

/** @param note - stands after the verdict */
export function verdictText(verdict: Comparison['verdict'], colour: boolean, note = ''): string {
  const {green, red, yellow} = createColors(colour);
  const colourOf = {better: green, worse: red, 'no difference shown': yellow, 'too few seeds to say': yellow};
  return colourOf[verdict](`${verdict}${note}`);
}

/** What was asked, bought and paid. */
export function ledgerText(totals: LedgerTotals): string {
  const {asked, bought, cached, imported, calls, inputTokens, outputTokens, cacheReadTokens, usd} = totals;
  const tokens = inputTokens + outputTokens;
  const ofCache = cacheReadTokens === undefined ? '' : ` (${count(cacheReadTokens)} read from a prompt cache)`;
  const ofLogs = imported === undefined ? '' : `, ${count(imported)} of them imported`;
  return [
    `${counted(asked, 'answer')}, ${count(bought)} bought and ${count(cached)} cached${ofLogs}`,
    counted(calls, 'call'),
    ...(tokens > 0 ? [`${counted(tokens, 'token')}${ofCache}`] : []),
    ...(usd ? [dollars(usd)] : []),
  ].join(', ');
}
