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
