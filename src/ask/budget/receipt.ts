import type {Receipt, Reply, Service, Teacher, Usage} from '../../teacher.ts';

/** The cost and the author that a reply reports. Usage that makes no sense is left out. */
export function receiptOf(service: Pick<Service, 'receipt'>, reply: Reply): Receipt {
  const {usage, ...author} = service.receipt?.(reply) ?? {};
  return {...author, ...(isUsage(usage) && {usage})};
}

/** True if these are counts of tokens. A service can send any type. */
export function isUsage(usage: Partial<Record<keyof Usage, unknown>> | undefined): usage is Usage {
  return usage !== undefined && [usage.inputTokens, usage.outputTokens].every(isCount);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** The note about a service that doesn't report its charges. */
export function uncountedNote({name}: Pick<Teacher, 'name'>): string {
  return (
    `Teacher ${name} doesn't say how many tokens a request used, or gives what is no count. Such requests count as the ` +
    'most that they may have used, in the budget and in the totals.'
  );
}
