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
