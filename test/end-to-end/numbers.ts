import type {MethodResult, ResultRow} from '../../src/study/results.ts';

/** What of the rows does not depend on how long they took. */
export const numbersOf = (rows: readonly ResultRow[]) => rows.map(({seconds: _, ...numbers}) => numbers);

/** What of the methods does not depend on how long they took. */
export const withoutTimes = (methods: readonly MethodResult[]) => methods.map(({efficiency: _, ...rest}) => rest);
