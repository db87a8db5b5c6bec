import {mixSeed} from '../../data/random.ts';
import {type View, viewInputs} from '../../data/view.ts';
import {InputError} from '../../errors.ts';
import {digestQuestion} from '../../store/key.ts';
import type {Part, Question} from '../../teacher.ts';

type Put = NonNullable<Part['put']>;

/** Texts in other words. */
export interface Paraphrase {
  /** Names it and its version, as in `two ways to ask, 1`: nothing else tells that what it writes has changed. */
  readonly name: string;
  /**
   * The text in other words. It must write the same each time: other words are another question, and are bought again.
   *
   * @param sample - from 1
   */
  write(text: string, sample: number): string | Promise<string>;
}

/** Every sample but the first as a view of the input; its seed is that of the input's content and the sample. */
export function viewed(view: View): Put {
  return question => {
    const {input, sample = 0} = question;
    if (sample === 0) return question;
    if (input.kind === 'text')
      throw new InputError(`View \`${view.name}\` is of tensors. Give texts a \`paraphrase\`.`);
    const seed = seedOf(question, sample);
    const {data} = viewInputs({...input, count: 1}, view, [seed]);
    return {input: {...input, data}, view: seed, sample};
  };
}

/** Every sample but the first in other words. */
export function inOtherWords({name, write}: Paraphrase): Put {
  return async question => {
    const {input, sample = 0} = question;
    if (sample === 0) return question;
    if (input.kind !== 'text') throw new InputError(`Paraphrase \`${name}\` is of texts. Give tensors a \`view\`.`);
    const text = await write(input.text, sample);
    if (typeof text === 'string' && text.trim() !== '') return {...question, input: {kind: 'text', text}};
    throw new InputError(
      `Paraphrase \`${name}\` wrote no text for sample ${sample} of \`${input.text.slice(0, 40)}\`.`,
    );
  };
}

/** 0 is the seed of the input itself. */
function seedOf(question: Question, sample: number): number {
  return mixSeed(sample, digestQuestion(question).bytes) >>> 0 || 1;
}
