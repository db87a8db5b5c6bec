import type {TextInputs} from '../inputs.ts';
import {asSplit, type Dataset, type Role, type Split, type UnlabelledDataset} from '../split.ts';
import type {TextCard} from './card.ts';
import {readTextSplits, type TextSplit, type TextSplitsOptions} from './splits.ts';

/** A task of texts, with what is known of them. */
export type TextDataset = (Dataset | UnlabelledDataset) & {readonly card: TextCard};

/**
 * Reads a task of texts as `readTextSplits` does. Where not all splits have labels, none count, and the teacher's stand for
 * them; nothing is validated then, so texts that were drawn for it are trained on.
 *
 * @throws InputError where the texts can't be read or don't fit together
 */
export async function textDataset(options: TextSplitsOptions): Promise<TextDataset> {
  const {classes, train, validation, test, card} = await readTextSplits(options);
  const labelled = [
    asLabelled('train', train),
    asLabelled('validation', validation),
    asLabelled('test', test),
  ] as const;
  const [trainSplit, validationSplit, testSplit] = labelled;
  if (trainSplit && validationSplit && testSplit) {
    return {classes, train: trainSplit, validation: validationSplit, test: testSplit, card};
  }
  const isDrawn = typeof options.path === 'string' || options.path.validation === undefined;
  const inputs = isDrawn ? together(train.inputs, validation.inputs) : train.inputs;
  return {classes, train: {role: 'train', inputs}, test: {role: 'test', inputs: test.inputs}, card};
}

function asLabelled<R extends Role>(role: R, {inputs, labels}: TextSplit): Split<R> | undefined {
  return labels && asSplit(role, {inputs, labels});
}

function together(one: TextInputs, other: TextInputs): TextInputs {
  const texts = [...one.texts, ...other.texts];
  return {kind: 'text', count: texts.length, texts};
}
