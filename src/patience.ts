/** Waiting for servers, beside the contract, and durations as people write them. */
import type {Access, Service} from './teacher.ts';

/** A service whose requests can wait for a server that is still loading. */
export interface PatientService<A extends Access = Access> extends Service<A> {
  /** Says, before the first request, how requests wait. */
  waitFor?(patience: Patience): void;
}

/** How requests wait for a server that is still loading. Their failed attempts count for nothing. */
export interface Patience {
  /**
   * Milliseconds.
   *
   * @default as the teacher was made
   */
  readonly wait?: number | undefined;
  /** Receives a sentence when a wait begins. */
  readonly onWait: (note: string) => void;
}

const UNITS = {ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000} as const;

/** Milliseconds of a text such as `90s`, `10m` or `1h`; undefined if it is none. */
export function readDuration(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)$/.exec(text.trim()) ?? [];
  return digits === undefined ? undefined : Number(digits) * UNITS[unit as keyof typeof UNITS];
}

/** Shows milliseconds as `90 s`, `10 min` or `1.5 h`. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 2 * UNITS.min) return `${Math.ceil(milliseconds / UNITS.s)} s`;
  const [size, unit] = milliseconds < 2 * UNITS.h ? [UNITS.min, 'min'] : [UNITS.h, 'h'];
  return `${Number((milliseconds / size).toFixed(1))} ${unit}`;
}
