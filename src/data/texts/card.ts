import type {Role} from '../split.ts';
import {ROLES} from './assign.ts';
import type {LengthRule} from './length.ts';

/** What a set of texts is made of. */
export interface TextCard {
  /** Where it was read, as it was named. */
  readonly sources: readonly string[];
  /** Texts that were read. */
  readonly read: number;
  /** Texts that are in no split, by the reason. */
  readonly leftOut: {
    readonly empty: number;
    readonly tooLong: number;
    readonly duplicates: number;
    readonly nearDuplicates: number;
  };
  /** Of those that are kept, how many were cut, and by which rule. */
  readonly cut: number;
  readonly rule: LengthRule;
  /** How alike near-duplicates are at least; false where none were looked for. */
  readonly near: number | false;
  /** Duplicates and near-duplicates whose label is another than that of the text that stands for them. */
  readonly otherLabels: number;
  readonly kept: number;
  readonly splits: Readonly<Record<Role, number>>;
  /** Seed of the draw of the splits. */
  readonly seed: number;
  /** Characters (UTF-16 code units) of the texts that are kept. */
  readonly characters: {readonly total: number; readonly quantiles: Readonly<Record<Quantile, number>>};
  /** How many of them are mostly in a script, the most frequent first. */
  readonly scripts: Readonly<Record<string, number>>;
  /** How many of each class are in each split; undefined of a split without labels. */
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

/** How long texts are: of each share of them, the greatest length. */
export function lengthsOf(texts: readonly string[]): TextCard['characters'] {
  const lengths = Int32Array.from(texts, text => text.length).sort();
  const at = (share: number) => lengths[Math.max(0, Math.ceil(share * lengths.length) - 1)] ?? 0;
  const quantiles = Object.entries(QUANTILES).map(([name, share]) => [name, at(share)]);
  return {
    total: lengths.reduce((sum, length) => sum + length, 0),
    quantiles: Object.fromEntries(quantiles) as Record<Quantile, number>,
  };
}

/** How many texts are mostly in each script, the most frequent first. */
export function scriptsOf(texts: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const script = scriptOf(text);
    counts.set(script, (counts.get(script) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** How often each class is among the labels. */
export function labelCounts(labels: Int32Array, classes: readonly string[]): Record<string, number> {
  const counts = new Int32Array(classes.length);
  for (const label of labels) counts[label]!++;
  return Object.fromEntries(classes.map((name, label) => [name, counts[label]!]));
}

/** A card as people read it, a line for each thing. */
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
      `${shown(otherLabels)} of the duplicates have another label than the text kept of them`,
    ]);
  }
  return lines.map(([name, text]) => `${name.padEnd(20)}${text}`).join('\n');
}

/** Scripts or classes that are shown; a card has all. */
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

/** Scripts in use today, by the names of Unicode. What is written in another one is `other`. */
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

/** Japanese alone is written in these; its Han is counted to it. */
const KANA = /[\p{Script=Hiragana}\p{Script=Katakana}]/u;

const TESTS = SCRIPTS.map(script => ({name: script.replace('_', ' '), test: new RegExp(`\\p{Script=${script}}`, 'u')}));

/** Letters of a text that are looked at. */
const LOOKED_AT = 400;

/** By code point: a script is looked for once. */
const known = new Map<number, string>();

/**
 * The script that most letters at a text's beginning are of, a rough guess at its languages: by Unicode's names, but
 * `Japanese` where a fifth of them or more is kana, `other` of a rare one, `none` where there are no letters.
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
