import {eld} from 'eld/medium';
import {francAll} from 'franc';
import {logSoftmaxRows} from 'limbeck/metrics';
import {type Language, readLanguages} from './lines.ts';

/** The languages that both detectors know and there is a declaration in. */
export const languages: readonly Language[] = readLanguages(Object.values(eld.info().Languages)).filter(
  ({long, lines}) => francAll(lines.join(' '), {only: [long]})[0]?.[0] === long,
);

export const classes: readonly string[] = languages.map(({name}) => name);

const long = languages.map(language => language.long);
eld.setLanguageSubset([...classes]);

/** What `eld` says: a language and no more. */
export function detect(text: string): number {
  const label = classes.indexOf(eld.detect(text).language);
  if (label < 0) throw new Error('It is none of the languages.');
  return label;
}

/** How much more probable a language is that is wholly like the text than one that is not at all: e to this power. */
const SHARPNESS = 20;

/** What `franc` says: how like each language a text is, from 0 to 1, here as log-probabilities. */
export function score(text: string): readonly number[] {
  const scores = new Map(francAll(text, {only: [...long]}));
  return [
    ...logSoftmaxRows(
      long.map(code => SHARPNESS * (scores.get(code) ?? 0)),
      long.length,
    ),
  ];
}
