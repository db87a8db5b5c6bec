import {z} from 'zod';
import type {Writer} from '../writer.ts';

/** Who writes texts where there are no inputs, and what they are about; see `limbeck write`. */
export interface WritingOptions {
  /** Makes the model that writes, for example `() => openai({model: 'NAME', output: 'texts'})`. */
  readonly model: () => Writer | Promise<Writer>;
  /** What the texts are, for example `messages of customers to a bank`. */
  readonly texts: string;
  /** What each class is, by its name: a description, or one with examples. */
  readonly classes: Readonly<Record<string, string | ClassToWrite>>;
  /**
   * How texts are written, of which each request gets one.
   *
   * @default 12 styles of English messages, such as `in a hurry, without capital letters`
   */
  readonly styles?: readonly string[] | undefined;
  /**
   * How long texts are, of which each request gets one.
   *
   * @default from `2 to 5 words` to `2 to 4 sentences`
   */
  readonly lengths?: readonly string[] | undefined;
}

/** A class that texts are written for. */
export interface ClassToWrite {
  readonly description: string;
  /**
   * Texts of the class. Requests show a few of them if the data have no true labels.
   *
   * @default none
   */
  readonly examples?: readonly string[] | undefined;
}

const someText = z.string().min(1);

/** The form of `WritingOptions`. */
export const writingSchema: z.ZodType<WritingOptions> = z.strictObject({
  model: z.custom<WritingOptions['model']>(value => typeof value === 'function', 'expected a function'),
  texts: someText,
  classes: z.record(
    someText,
    z.union(
      [someText, z.strictObject({description: someText, examples: z.array(someText).optional()})],
      'expected a description, or an object with `description` and `examples`',
    ),
  ),
  styles: z.array(someText).min(1, 'give at least one style').optional(),
  lengths: z.array(someText).min(1, 'give at least one length').optional(),
});
