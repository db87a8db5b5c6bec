import {once} from '../src/concurrency.ts';
import {encoderHash, openEncoder} from '../src/encoder/open.ts';
import {InputError, TeacherError} from '../src/errors.ts';
import {inputsOfKinds} from '../src/input-kinds.ts';
import {checkOptions, kinds, type Shape} from '../src/options.ts';
import type {Outcome, Teacher} from '../src/teacher.ts';

export interface EncoderOptions {
  /** A name that `limbeck encoder add` fetched, or a folder that `openEncoder` opens. Nothing is downloaded. */
  readonly model: string;
  /** @default `encoder` and `model` */
  readonly name?: string;
  /**
   * The most texts in one `ask`.
   *
   * @default 256
   */
  readonly maxBatch?: number;
}

const KINDS = {model: kinds.text, name: kinds.text, maxBatch: kinds.number} satisfies Shape<EncoderOptions>;

/**
 * A local text encoder, in this process: gray-box, with a vector of length 1 of each text. Its weights are read when it
 * is first asked.
 *
 * @throws InputError if the encoder is not there, is damaged, or asks for what is not computed here
 */
export function encoder(options: EncoderOptions): Teacher<'gray-box'> {
  checkOptions('encoder', options, KINDS, ['model']);
  const {model, name = `encoder ${model}`, maxBatch = 256} = options;
  const weights = encoderHash(model);
  const open = once(async () => {
    const opened = await openEncoder(model);
    if (opened.hash === weights) return opened;
    await opened.close();
    // Its answers would be kept as those of the files that are gone.
    throw new InputError(`The files of encoder ${model} changed after the teacher was made. Start again.`);
  });
  return {
    name,
    identity: {adapter: 'encoder', weights},
    access: 'gray-box',
    classes: [],
    detail: {kind: 'vector'},
    maxBatch,
    async ask(queries, {signal} = {}) {
      signal?.throwIfAborted();
      const {encode, dimensions} = await open();
      const texts = queries.flatMap(({input}) => (input.kind === 'text' ? input.text : []));
      const vectors = await encode(texts, {signal});
      let row = 0;
      return queries.map(({input}): Outcome<'gray-box'> => {
        if (input.kind !== 'text') {
          return {error: new TeacherError(name, `It takes texts, got ${inputsOfKinds(input.kind)}.`)};
        }
        const values = vectors.slice(row * dimensions, ++row * dimensions);
        return {answer: {kind: 'vector', values}};
      });
    },
  };
}
