import {eld} from 'eld/medium';
import {francAll} from 'franc';
import {logSoftmaxRows} from 'limbeck/metrics';
import {type Language, readLanguages} from './lines.ts';

/** The languages that both detectors know and that have a declaration. */
export const languages: readonly Language[] = readLanguages(Object.values(eld.info().Languages)).filter(
  ({long, lines}) => francAll(lines.join(' '), {only: [long]})[0]?.[0] === long,
);

export const classes: readonly string[] = languages.map(({name}) => name);

const long = languages.map(language => language.long);
eld.setLanguageSubset([...classes]);

/** The answer of `eld`: only a language. */
export function detect(text: string): number {
  const label = classes.indexOf(eld.detect(text).language);
  if (label < 0) throw new Error('It is none of the languages.');
  return label;
}

/** A language with similarity 1 is e to this power times as probable as one with similarity 0. */
const SHARPNESS = 20;

/** The answer of `franc`: the similarity of a text to each language, from 0 to 1, here as log-probabilities. */
export function score(text: string): readonly number[] {
  const scores = new Map(francAll(text, {only: [...long]}));
  return [
    ...logSoftmaxRows(
      long.map(code => SHARPNESS * (scores.get(code) ?? 0)),
      long.length,
    ),
  ];
}
