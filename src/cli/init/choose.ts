import type {TextFormat} from '../../data/texts/record.ts';
import {InputError} from '../../errors.ts';
import type {Terminal} from '../terminal.ts';
import type {Questions} from './questions.ts';
import type {Described} from './readers.ts';

/** The choices that the command line makes already. */
export interface InitFlags {
  readonly texts?: string | undefined;
  readonly format?: TextFormat | undefined;
  readonly encoding?: string | undefined;
  readonly quotes?: false | undefined;
  readonly text?: string | undefined;
  readonly label?: string | false | undefined;
  readonly class?: readonly Described[] | undefined;
  /** A file of classes with descriptions. */
  readonly classes?: string | undefined;
  readonly service?: string | undefined;
  readonly url?: string | undefined;
  readonly region?: string | undefined;
  readonly model?: string | undefined;
  readonly output?: string | undefined;
  readonly price?: string | undefined;
  readonly calls?: number | undefined;
  /** How many texts are kept for measurement, or the path of a file with them. */
  readonly test?: number | string | undefined;
  readonly budget?: string | undefined;
  readonly name?: string | undefined;
}

/** The source of choices that the flags leave open: a person, if there is one. */
export interface Asked {
  readonly flags: InitFlags;
  readonly questions: Questions | undefined;
  readonly note: Terminal['note'];
  readonly signal: AbortSignal;
}

type TextFlag = 'texts' | 'text' | 'service' | 'url' | 'region' | 'model' | 'output' | 'price' | 'budget';

/**
 * Takes a choice from its flag, else from a person, else from its default.
 *
 * @param fallback - the default; undefined if there is none
 */
export async function choose<T>(
  {flags, questions}: Asked,
  flag: TextFlag,
  question: string,
  read: (text: string) => T,
  fallback?: string,
): Promise<T> {
  const given = flags[flag] ?? (questions === undefined ? fallback : undefined);
  if (given !== undefined) return read(given);
  if (questions === undefined) throw new InputError(`Give \`--${flag}\`.`);
  return questions.ask(question, read, fallback);
}
