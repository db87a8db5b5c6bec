const DAY = 86_400_000;

/** The end of a model, as its provider states it. */
export interface Ending {
  /** Its UTC day as YYYY-MM-DD; the provider's own words if they are no date. */
  readonly on: string;
  /** Whole days from today to that day, negative if it is over; undefined if it is no date. */
  readonly days: number | undefined;
}

/**
 * Reads the end of a model. Providers promise no format: an ISO date, with or without a time, or Unix seconds.
 *
 * @param now - @default the current time
 */
export function endingOf(stated: string | number, now: Date = new Date()): Ending {
  const text = String(stated).trim();
  const time = timeOf(text);
  if (time === undefined) return {on: text, days: undefined};
  const day = Math.floor(time / DAY);
  return {on: new Date(time).toISOString().slice(0, 10), days: day - Math.floor(now.getTime() / DAY)};
}

function timeOf(text: string): number | undefined {
  const time = /^\d{9,10}$/.test(text)
    ? 1000 * Number(text)
    : /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:?\d\d)?)?$/.test(text)
      ? Date.parse(text)
      : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** Says when something ends: `The model m ends on 2027-01-14, in 44 days.` */
export function endingText(what: string, {on, days}: Ending): string {
  if (days === undefined) return `${what} has an announced end: ${on}.`;
  if (days < 0) return `${what} has ended on ${on}.`;
  const left = days === 0 ? 'today' : days === 1 ? 'in 1 day' : `in ${days} days`;
  return `${what} ends on ${on}, ${left}.`;
}
