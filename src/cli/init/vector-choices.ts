import {readFolder} from '../../encoder/folder.ts';
import {installedEncoder} from '../../encoder/registry.ts';
import {InputError} from '../../errors.ts';
import {type Asked, choose, type InitFlags} from './choose.ts';
import {hostedModel} from './hosted-models.ts';
import {readCount, some} from './readers.ts';
import type {VectorChoices} from './recipe-parts.ts';
import type {InitService} from './services.ts';

/** The default number of texts to embed. A vector costs little, and a student of vectors needs many. */
export const MOST_EMBEDDED = 10_000;
/** The longest vectors that are taken for meant. */
const LONGEST = 65_536;

/**
 * The flags of texts that are not sorted into classes.
 *
 * @throws InputError if a flag is about classes
 */
export function withoutClasses(flags: InitFlags): InitFlags {
  const idle = (['questions', 'images', 'records', 'class', 'label', 'encoder'] as const).find(flag => flags[flag]);
  if (idle === undefined) return {...flags, label: false};
  throw new InputError(`An embedding model gives vectors of texts, and no classes. Leave \`--${idle}\` out.`);
}

/** Chooses the model by its name; a local encoder is the first of the registry that was added, if none is named. */
export function chooseModel(asked: Asked, {isLocal, example}: InitService): Promise<string> {
  const question = isLocal
    ? `Which encoder, by its name or folder? (such as ${example})`
    : `Which model, by the service’s name for it? (such as ${example})`;
  return choose(asked, 'model', question, some, isLocal ? installedEncoder() : undefined);
}

/** The length of vectors: that of the encoder's folder, else the one that was given, else the model's own. */
export async function chooseDimensions(asked: Asked, service: InitService, model: string): Promise<VectorChoices> {
  if (service.isLocal) {
    if (asked.flags.dimensions !== undefined) {
      throw new InputError('An encoder has vectors of one length. Leave `--dimensions` out.');
    }
    return {dimensions: readFolder(model).dimensions, isShortened: false};
  }
  const own = hostedModel(model)?.dimensions;
  const question = 'How many numbers has a vector? (The model’s own length, or a shorter one if it can shorten them)';
  const dimensions = await choose(asked, 'dimensions', question, readCount(1, LONGEST), own?.toString());
  // Servers of open models refuse a length, even if it is the model's own.
  return {dimensions, isShortened: own !== undefined && dimensions !== own};
}
