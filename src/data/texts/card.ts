import {ROLES, type Role} from '../split.ts';
import type {LengthRule} from './gather.ts';

/** A summary of a set of texts. */
export interface TextCard {
  /** Paths that were read, as the caller named them. */
  readonly sources: readonly string[];
  /** Number of texts that were read. */
  readonly read: number;
  /** Number of texts that are in no split, by reason. */
  readonly leftOut: {
    readonly empty: number;
    readonly tooLong: number;
    readonly duplicates: number;
    readonly nearDuplicates: number;
  };
  /** Number of kept texts that were cut, and the rule. */
  readonly cut: number;
  readonly rule: LengthRule;
  /** Least similarity of near-duplicates; false if none were searched for. */
  readonly near: number | false;
  /** Number of duplicates and near-duplicates whose label differs from that of the text that represents them. */
  readonly otherLabels: number;
  readonly kept: number;
  readonly splits: Readonly<Record<Role, number>>;
  /** Seed of the draw of the splits. */
  readonly seed: number;
  /** Characters (UTF-16 code units) of the kept texts. */
  readonly characters: {readonly total: number; readonly quantiles: Readonly<Record<Quantile, number>>};
  /** Number of kept texts by their main script, the most frequent first. */
  readonly scripts: Readonly<Record<string, number>>;
  /** Number of texts of each class in each split; undefined for a split without labels. */
  readonly labels: Readonly<Partial<Record<Role, Readonly<Record<string, number>>>>>;
}

const QUANTILES = {
  shortest: 0,
  '5 %': 0.05,
  '25 %': 0.25,
  median: 0.5,
  '75 %': 0.75,
  '95 %': 0.95,
  longest: 1,
} as const;

type Quantile = keyof typeof QUANTILES;

/** Total length and quantiles of length of the texts. */
export function lengthsOf(texts: readonly string[]): TextCard['characters'] {
  const lengths = Int32Array.from(texts, text => text.length).sort();
  const at = (share: number) => lengths[Math.max(0, Math.ceil(share * lengths.length) - 1)] ?? 0;
  const quantiles = Object.entries(QUANTILES).map(([name, share]) => [name, at(share)]);
  return {
    total: lengths.reduce((sum, length) => sum + length, 0),
    quantiles: Object.fromEntries(quantiles) as Record<Quantile, number>,
  };
}

/** Number of texts by their main script, the most frequent first. */
export function scriptsOf(texts: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const script = scriptOf(text);
    counts.set(script, (counts.get(script) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** Number of labels of each class. */
export function labelCounts(labels: Int32Array, classes: readonly string[]): Record<string, number> {
  const counts = new Int32Array(classes.length);
  for (const label of labels) counts[label]!++;
  return Object.fromEntries(classes.map((name, label) => [name, counts[label]!]));
}

/** The card as lines for people. */
export function describeTexts(card: TextCard): string {
  const {sources, read, kept, splits, seed, otherLabels} = card;
  const lines: [string, string][] = [
    ['Texts', sources.join(', ')],
    ['Read', shown(read)],
    ['Left out', leftOutOf(card)],
    ['Kept', `${shown(kept)}: ${ROLES.map(role => `${shown(splits[role])} ${role}`).join(', ')} (seed ${seed})`],
    ['Characters', lengthsText(card)],
    ['Scripts', shares(card.scripts, kept)],
    ...ROLES.flatMap((role): [string, string][] => {
      const counts = card.labels[role];
      return counts === undefined ? [] : [[`Labels, ${role}`, shares(counts, splits[role])]];
    }),
  ];
  if (otherLabels > 0) {
    lines.push([
      'Other labels',
      `${shown(otherLabels)} of the duplicates have another label than the text that is kept`,
    ]);
  }
  return lines.map(([name, text]) => `${name.padEnd(20)}${text}`).join('\n');
}

/** Most scripts or classes that are shown. The card itself has all. */
const MOST_SHOWN = 20;

function leftOutOf({leftOut, rule, near}: TextCard): string {
  const reasons = [
    [leftOut.empty, 'empty'],
    [leftOut.tooLong, `longer than ${shown(rule.longest ?? 0)} characters`],
    [leftOut.duplicates, 'duplicates'],
    [leftOut.nearDuplicates, `near-duplicates (${Math.round(100 * Number(near))} % alike)`],
  ] as const;
  const given = reasons.filter(([count]) => count > 0).map(([count, reason]) => `${shown(count)} ${reason}`);
  return given.length === 0 ? 'none' : given.join(', ');
}

function lengthsText({characters: {total, quantiles}, cut, rule}: TextCard): string {
  const all = Object.entries(quantiles).map(([name, length]) => `${name} ${shown(length)}`);
  const how = rule.overLength === 'head-and-tail' ? 'head and tail' : 'head';
  const cutText = cut === 0 ? '' : `; ${shown(cut)} cut to their ${how}, ${shown(rule.longest ?? 0)} characters`;
  return `${shown(total)} in all: ${all.join(', ')}${cutText}`;
}

function shares(counts: Readonly<Record<string, number>>, total: number): string {
  const all = Object.entries(counts);
  const some = all.slice(0, MOST_SHOWN).map(([name, count]) => {
    return `${name} ${shown(count)} (${((100 * count) / Math.max(total, 1)).toFixed(1)} %)`;
  });
  return some.join(', ') + (all.length > MOST_SHOWN ? ` and ${all.length - MOST_SHOWN} more` : '');
}

function shown(count: number): string {
  return count.toLocaleString('en-US');
}

/** Scripts in use today, by their names in Unicode. All others are `other`. */
const SCRIPTS = [
  'Latin',
  'Cyrillic',
  'Han',
  'Arabic',
  'Devanagari',
  'Hangul',
  'Greek',
  'Hebrew',
  'Thai',
  'Bengali',
  'Tamil',
  'Telugu',
  'Kannada',
  'Malayalam',
  'Gujarati',
  'Gurmukhi',
  'Oriya',
  'Sinhala',
  'Georgian',
  'Armenian',
  'Ethiopic',
  'Khmer',
  'Lao',
  'Myanmar',
  'Tibetan',
  'Mongolian',
  'Thaana',
  'Syriac',
  'Cherokee',
  'Canadian_Aboriginal',
] as const;

/** Only Japanese uses these scripts. If they are present, Han counts as Japanese too. */
const KANA = /[\p{Script=Hiragana}\p{Script=Katakana}]/u;

const TESTS = SCRIPTS.map(script => ({name: script.replace('_', ' '), test: new RegExp(`\\p{Script=${script}}`, 'u')}));

/** Number of letters of a text that are looked at. */
const LOOKED_AT = 400;

/** Scripts by code point, so that each is looked up once. */
const known = new Map<number, string>();

/**
 * The script of most letters at the start of a text, a rough guess at its language. Names are Unicode's, with three
 * exceptions: `Japanese` if a fifth of the letters or more is kana, `other` for a rare script, `none` if there are no
 * letters.
 */
export function scriptOf(text: string): string {
  const counts = new Map<string, number>();
  let letters = 0;
  for (const sign of text) {
    const script = scriptOfLetter(sign);
    if (script === 'none') continue;
    counts.set(script, (counts.get(script) ?? 0) + 1);
    if (++letters >= LOOKED_AT) break;
  }
  if (5 * (counts.get('Japanese') ?? 0) >= letters && letters > 0) return 'Japanese';
  let most = 'none';
  for (const [script, count] of counts) if (count > (counts.get(most) ?? 0)) most = script;
  return most;
}

function scriptOfLetter(sign: string): string {
  const point = sign.codePointAt(0) ?? 0;
  const kept = known.get(point);
  if (kept !== undefined) return kept;
  const script = findScript(sign);
  known.set(point, script);
  return script;
}

function findScript(sign: string): string {
  if (!/\p{L}/u.test(sign)) return 'none';
  if (KANA.test(sign)) return 'Japanese';
  return TESTS.find(({test}) => test.test(sign))?.name ?? 'other';
}
