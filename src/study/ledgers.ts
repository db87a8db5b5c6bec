import {createLedger} from '../ask/ledger.ts';
import type {Reference} from './asking.ts';
import type {Asked} from './missing.ts';
import type {LedgerTotals, Results} from './results.ts';

/** The ledger of a study: of the answers that students learned from, and of those that they are measured by. */
export function ledgerOf(asked: readonly Asked[], reference: Pick<Reference, 'ledger'>): Results['ledger'] {
  return {
    ...sum(asked.map(({ledger}) => ledger)),
    byLevel: Object.fromEntries(
      asked.flatMap(({plan: {level, own}, ledger}) => (own === undefined ? [[level, ledger]] : [])),
    ),
    byMethod: Object.fromEntries(asked.flatMap(({plan: {own}, ledger}) => (own ? [[own.method, ledger]] : []))),
    evaluation: reference.ledger,
  };
}

function sum(ledgers: readonly LedgerTotals[]): LedgerTotals {
  const all = createLedger();
  for (const ledger of ledgers) all.add(ledger);
  return all.snapshot();
}
