import type {Level} from '../../levels.ts';
import type {Spread} from './spread.ts';

/** Stands for a number that is missing or not finite. */
export const MISSING = '–';

/** 2000 as `2,000`. */
export function count(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-GB') : MISSING;
}

/** 0.9281 as `92.81`; the sign `%` is left to the one who writes the unit. */
export function percent(fraction: number, digits = 2): string {
  // A results.json holds null for a number that is not finite, and null passes for 0 in arithmetic.
  return Number.isFinite(fraction) ? decimal(fraction * 100, digits) : MISSING;
}

/** 0.9281 as `92.81 %`, the number and its sign never on two lines. */
export function percentage(fraction: number, digits = 2): string {
  return `${percent(fraction, digits)}\u00a0%`;
}

/** A number with so many decimals and a true minus sign; never `-0.00`. */
export function decimal(value: number, digits: number): string {
  if (!Number.isFinite(value)) return MISSING;
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** A difference of fractions in percentage points, with its sign: 0.0141 as `+1.41`. */
export function points(fraction: number, digits = 2): string {
  const text = percent(fraction, digits);
  return fraction > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** Two differences of fractions as `+1.09 to +1.79`. */
export function between([low, high]: readonly [number, number], digits = 2): string {
  return Number.isFinite(low) && Number.isFinite(high) ? `${points(low, digits)} to ${points(high, digits)}` : MISSING;
}

/** 0.9875 as `98.8 %`, 0.95 as `95 %`. */
export function confidenceText(confidence: number): string {
  return percentage(confidence, 1).replace(/\.0(?=\D)/, '');
}

/** A p value with three decimals, or `<0.001`. */
export function pText(p: number): string {
  return p < 0.001 ? '<0.001' : decimal(p, 3);
}

/** `92.81 ± 0.13`, or the mean alone if one seed shows no spread. */
export function meanAndDeviation({mean, deviation}: Spread, digits: number, scale = 1): string {
  const middle = decimal(mean * scale, digits);
  return deviation === undefined || middle === MISSING ? middle : `${middle} ± ${decimal(deviation * scale, digits)}`;
}

/** 252 s as `4 min 12 s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return MISSING;
  const whole = Math.round(seconds);
  if (seconds < 10) return `${decimal(seconds, 1)} s`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Three significant digits, and all digits before the point: `0.482`, `12.3`, `1,840`. */
export function significant(value: number): string {
  if (!Number.isFinite(value) || Math.abs(value) >= 100) return count(value);
  return value === 0 ? '0' : decimal(value, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
}

/** 204800 as `205 kB`. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(bytes) / 3)));
  return `${power === 0 ? count(bytes) : significant(bytes / 1000 ** power)}\u00a0${units[power]}`;
}

/** ISO 8601 as `12 November 2025, 14:03 UTC`; what is no date stays as it is. */
export function moment(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const day = date.toLocaleDateString('en-GB', {day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC'});
  return `${day}, ${date.toISOString().slice(11, 16)} UTC`;
}

/** `a`, `a and b`, `a, b and c`. */
export function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** `1 seed`, `3 seeds`, `2 queries`. */
export function counted(value: number, noun: string): string {
  const plural = noun.replace(/([^aeiou])y$/, '$1ie');
  return `${count(value)} ${value === 1 ? noun : `${plural}s`}`;
}

/** The first characters of a name that is too long, then `…`. */
export function shortened(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

/** How a level is called in prose. */
export function levelName(level: Level): string {
  return level === 'none' ? 'no teacher' : level;
}

/** Formats 0.0153 s as `15 ms`. */
export function shortDuration(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : duration(seconds);
}
