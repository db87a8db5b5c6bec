import {describe, expect, it} from 'vitest';
import type {WritingLlama} from '../../../adapters/_llama/library.ts';
import {writingBy} from '../../../adapters/_llama/writer.ts';
import {llama} from '../../../adapters/llama.ts';
import {fakeModel, fakeSequence} from '../llama-fake.ts';
import {ggufPath as path} from '../llama-reference.ts';
import {peerOrSkip} from '../peer.ts';
import {text} from '../replay.ts';

/** A model that says one thing, sign by sign. */
function saying(said: string, change: Partial<WritingLlama> = {}): WritingLlama & {readonly seeds: number[]} {
  const seeds: number[] = [];
  return {
    ...{model: fakeModel(), sequence: fakeSequence(), room: 9999, render: undefined, seeds},
    async *draw(_, __, sampling) {
      seeds.push((sampling as {readonly seed: number}).seed);
      yield* [...said].map(sign => sign.charCodeAt(0));
    },
    textOf: tokens => String.fromCharCode(...tokens),
    ...change,
  };
}

const options = {maxTokens: 100, temperature: 1};

describe('writingBy', () => {
  it('gives the texts, and the whole ones of an answer that is too long', async () => {
    const said = '{"texts": ["one", "two"]}';
    expect(await writingBy(saying(said), options)('write', 0)).toMatchObject({label: 0, texts: ['one', 'two']});
    const cut = await writingBy(saying(said), {...options, maxTokens: 20})('write', 0);
    expect(cut).toMatchObject({texts: ['one']});
    expect(await writingBy(saying(said), {...options, maxTokens: 9})('write', 0)).toContain('Raise `maxTokens`');
  });

  it('draws by a seed that prompt and sample make', async () => {
    const model = saying('{"texts": []}');
    const write = writingBy(model, options);
    for (const [prompt, sample] of [
      ['a', 0],
      ['a', 0],
      ['a', 1],
      ['b', 0],
    ] as const)
      await write(prompt, sample);
    const [first, again, ...others] = model.seeds;
    expect(again).toBe(first);
    expect(new Set([first, ...others]).size).toBe(3);
  });

  it('says that a prompt is longer than the context', async () => {
    expect(await writingBy(saying('', {room: 5}), options)('write', 0)).toContain('Raise `contextSize`');
  });
});

const missing = await peerOrSkip('node-llama-cpp');

describe.skipIf(missing !== undefined)(`llama as a writer${missing ? ` (${missing})` : ''}`, () => {
  it('holds what it draws to a list of texts, the same for the same prompt', async () => {
    const file = {path, template: 'none', gpu: false, threads: 1} as const;
    const {model, prompted} = await llama({...file, output: 'texts', temperature: 10, maxTokens: 80});
    expect(model).toBe('tiny-sent.gguf');
    const asked = [0, 1, 2, 3, 4, 5].map(sample => ({...text('great film'), sample}));
    const outcomes = await prompted.ask(asked);
    expect(await prompted.ask(asked)).toEqual(outcomes);
    for (const outcome of outcomes) {
      if ('error' in outcome) expect(outcome.error.message).toContain('cut off within the first text');
      else expect(outcome.answer).toMatchObject({kind: 'label', texts: expect.any(Array)});
    }
  });

  it('takes no options that are about answers', async () => {
    await expect(llama({path, output: 'texts', classes: ['a', 'b']} as never)).rejects.toThrow(
      'llama has no option `classes`.',
    );
  });
});
