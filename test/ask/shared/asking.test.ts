import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {type AskingOptions, openAsking, type SharedAsking} from '../../../src/ask/asking.ts';
import {createBudget} from '../../../src/ask/budget/budget.ts';
import {BudgetError, InputError} from '../../../src/errors.ts';
import {createAdmission} from '../../../src/pace/admission.ts';
import {about} from '../fake-teacher.ts';
import {payingTeacher} from '../paying-teacher.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-shared-'));
});
afterEach(() => rm(folder, {recursive: true}));

const open = (name: string, options: Partial<AskingOptions>) =>
  openAsking({cache: join(folder, name, 'answers'), journal: join(folder, name, 'journal'), ...options});

describe('openAsking with shared limits and a shared budget', () => {
  it('asks through the admission of the account and spends from the one budget, and leaves both open', async () => {
    const budget = createBudget([{calls: 5}]);
    const admission = createAdmission({concurrency: 1});
    const accounts: unknown[] = [];
    const shared: SharedAsking = {
      budget,
      admission: (account, rates) => {
        accounts.push({account, rates});
        return admission;
      },
      close: () => Promise.reject(new Error('closed by another')),
    };
    const askings = await Promise.all(['one', 'other'].map(name => open(name, {shared})));
    const asked = askings.map(asking =>
      asking.open(payingTeacher(undefined, {maxBatch: 1})).teacher.ask(about(1, 2, 3, 4)),
    );
    const outcomes = (await Promise.all(asked)).flat();
    expect(outcomes.filter(outcome => 'answer' in outcome)).toHaveLength(5);
    expect(outcomes.filter(outcome => 'error' in outcome && outcome.error instanceof BudgetError)).toHaveLength(3);
    expect(askings.map(({spent}) => spent.calls)).toEqual([5, 5]);
    expect(accounts).toEqual(new Array(2).fill({account: 'fake', rates: {concurrency: 4}}));
    await Promise.all(askings.map(asking => asking.close()));
  });

  it('refuses a second budget beside the shared one', async () => {
    const shared: SharedAsking = {
      budget: createBudget(),
      admission: () => createAdmission({concurrency: 1}),
      close: async () => {},
    };
    await expect(open('one', {shared, budget: [{calls: 1}]})).rejects.toThrow(InputError);
  });
});
