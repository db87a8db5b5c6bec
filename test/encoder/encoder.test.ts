import {cp, mkdtemp, readFile, rm, stat, truncate, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import type {Encoder} from '../../src/encoder/encoder.ts';
import {readFolder} from '../../src/encoder/folder.ts';
import {withKeptEncodings} from '../../src/encoder/kept.ts';
import {encoderHash, openEncoder, openFolder, openOnDemand} from '../../src/encoder/open.ts';
import {openTokenizer} from '../../src/encoder/tokenizer.ts';
import {engineMemory} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';

const fixtures = join(import.meta.dirname, '../fixtures/encoder');
const bert = join(fixtures, 'bert');

/** What sentence-transformers gives, see `make.py` beside it. */
interface Expected {
  readonly tokens: readonly (readonly number[])[];
  readonly vectors: readonly (readonly number[])[];
}
const expected = JSON.parse(await readFile(join(fixtures, 'expected.json'), 'utf8')) as {
  readonly texts: readonly string[];
  readonly bert: Expected;
  readonly roberta: Expected;
  readonly float16: Expected['vectors'];
  readonly bfloat16: Expected['vectors'];
};

let folder: string;
let encoder: Encoder;
let copies = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
  encoder = await openEncoder(bert);
});
afterAll(async () => {
  await encoder.close();
  await rm(folder, {recursive: true});
});

async function copyWith(file: string, change: (text: string) => string): Promise<string> {
  const copy = join(folder, String(copies++));
  await cp(bert, copy, {recursive: true});
  await writeFile(join(copy, file), change(await readFile(join(copy, file), 'utf8')));
  return copy;
}

describe('openEncoder', () => {
  it.each(['bert', 'roberta'] as const)('gives the tokens and vectors of sentence-transformers: %s', async name => {
    const {tokens, vectors} = expected[name];
    const tokensOf = openTokenizer(readFolder(join(fixtures, name)));
    expect(expected.texts.map(tokensOf)).toEqual(tokens);
    const opened = await openEncoder(join(fixtures, name));
    const given = await opened.encode(expected.texts);
    expect(opened.dimensions).toBe(32);
    for (const [index, value] of vectors.flat().entries()) expect(given[index]).toBeCloseTo(value, 5);
    await opened.close();
  });

  it.each(['float16', 'bfloat16'] as const)('reads weights of 16 bits: %s', async name => {
    const copy = await copyWith('config.json', text => text);
    await cp(join(fixtures, `${name}.safetensors`), join(copy, 'model.safetensors'));
    const opened = await openEncoder(copy);
    const given = await opened.encode(expected.texts);
    for (const [index, value] of expected[name].flat().entries()) expect(given[index]).toBeCloseTo(value, 5);
    await opened.close();
  });

  it('gives a text the same bits whatever its neighbours are', async () => {
    // Long enough for batches of two lengths of slots.
    const long = await openFolder(readFolder(bert, {tokens: 20}), 'long');
    const words = fc.constantFrom('a', 'great', 'film', 'account', 'balance', 'unbelievably');
    const text = fc.array(words, {maxLength: 20}).map(parts => parts.join(' '));
    await fc.assert(
      fc.asyncProperty(fc.array(text, {minLength: 1, maxLength: 90}), fc.nat(), async (texts, draw) => {
        const all = await long.encode(texts);
        const row = draw % texts.length;
        expect(await long.encode([texts[row]!])).toEqual(all.slice(row * 32, (row + 1) * 32));
      }),
      {numRuns: 20},
    );
    await long.close();
  });

  it('frees its weights when it is closed, and leaves nothing behind when it encodes', async () => {
    const before = engineMemory().tensors;
    const other = await openEncoder(bert);
    const held = engineMemory().tensors;
    await other.encode(expected.texts);
    expect(engineMemory().tensors).toBe(held);
    await other.close();
    expect(engineMemory().tensors).toBe(before);
  });

  it('has a hash of its files and settings, and not of their paths', async () => {
    const same = await openEncoder(await copyWith('config.json', text => text));
    expect(same.hash).toBe(encoder.hash);
    for (const changed of [
      await copyWith('sentence_bert_config.json', text => text.replace('12', '11')),
      await copyWith('config.json', text => `${text}\n`),
      await copyWith('1_Pooling/config.json', text => text.replace('mean', 'cls')),
    ]) {
      expect((await openEncoder(changed)).hash).not.toBe(encoder.hash);
    }
  });

  it('has another hash once a file is written anew in its place, with as many bytes', async () => {
    const own = await copyWith('config.json', text => `${text} `);
    const before = encoderHash(own);
    const path = join(own, 'config.json');
    const {atime, mtime} = await stat(path);
    await writeFile(path, `${(await readFile(path, 'utf8')).trimEnd()}\n`);
    await utimes(path, atime, mtime);
    expect(encoderHash(own)).not.toBe(before);
  });

  it('reads the flags of older versions of sentence-transformers', async () => {
    const flags = (cls: boolean, max: boolean) =>
      JSON.stringify({pooling_mode_cls_token: cls, pooling_mode_mean_tokens: !cls, pooling_mode_max_tokens: max});
    expect(readFolder(await copyWith('1_Pooling/config.json', () => flags(true, false))).pooling).toBe('cls');
    expect(readFolder(await copyWith('1_Pooling/config.json', () => flags(false, false))).pooling).toBe('mean');
    const both = await copyWith('1_Pooling/config.json', () => flags(false, true));
    expect(() => readFolder(both)).toThrow('pools by mean and max');
  });

  it('refuses what it does not compute, and says what to do', async () => {
    const changed = async (from: string, to: string) =>
      openEncoder(await copyWith('config.json', text => text.replace(from, to)));
    await expect(changed('"model_type": "bert"', '"model_type": "modernbert"')).rejects.toThrow(
      'of the architecture `modernbert`, which does not run here from safetensors. Put its ONNX export',
    );
    await expect(changed('"hidden_act": "gelu"', '"hidden_act": "silu"')).rejects.toThrow('of the activation `silu`');
    await expect(changed('"num_hidden_layers": 2', '"num_hidden_layers": 3')).rejects.toThrow(
      'has no tensor encoder.layer.2',
    );
    const dense = await copyWith('modules.json', text => text.replace('normalize.Normalize', 'dense.Dense'));
    await expect(openEncoder(dense)).rejects.toThrow('dense.Dense` (modules.json), which is not computed here');
    await expect(openEncoder(join(folder, 'none'))).rejects.toThrow(InputError);
    const empty = await mkdtemp(join(folder, 'empty-'));
    await expect(openEncoder(empty)).rejects.toThrow("config.json can't be read. The folder of an encoder has");
  });

  it('says how to add an encoder that is missing', async () => {
    vi.stubEnv('LIMBECK_ENCODER_DIR', folder);
    await expect(openEncoder('all-minilm-l6-v2')).rejects.toThrow('Run `limbeck encoder add all-minilm-l6-v2`.');
    vi.unstubAllEnvs();
  });

  it('tells its progress, and hears a signal between batches', async () => {
    const texts = Array.from({length: 300}, (_, index) => `one two three ${'film '.repeat(index % 5)}`);
    const done: number[] = [];
    await encoder.encode(texts, {onProgress: count => done.push(count)});
    expect(done.at(-1)).toBe(300);
    expect(done.length).toBeGreaterThan(2);
    const stop = new AbortController();
    const encoding = encoder.encode(texts, {signal: stop.signal, onProgress: () => stop.abort(new Error('Enough.'))});
    await expect(encoding).rejects.toThrow('Enough.');
  });
});

describe('openOnDemand', () => {
  it('gives the vectors of an encoder that was opened at once', async () => {
    const late = openOnDemand(bert);
    expect(late).toMatchObject({name: bert, hash: encoder.hash, dimensions: encoder.dimensions});
    expect(await late.encode(expected.texts)).toEqual(await encoder.encode(expected.texts));
    await late.close();
  });

  it('loads no weights before a text is encoded', async () => {
    const damaged = openOnDemand(await copyWith('model.safetensors', () => 'none'));
    await expect(damaged.encode(['a film'])).rejects.toThrow('model.safetensors');
    await damaged.close();
  });
});

describe('withKeptEncodings', () => {
  /** Counts the texts that are encoded. */
  function counted(): Encoder & {texts: string[]} {
    const texts: string[] = [];
    return {
      ...encoder,
      texts,
      encode: (some, options) => {
        texts.push(...some);
        return encoder.encode(some, options);
      },
      close: () => {},
    };
  }

  it('encodes each text once over all runs, with the same bits', async () => {
    const directory = join(folder, 'kept');
    const plain = await encoder.encode(expected.texts);
    const first = counted();
    const kept = withKeptEncodings(first, directory);
    expect(await kept.encode(expected.texts)).toEqual(plain);
    expect(first.texts).toEqual([...new Set(expected.texts)]);
    await kept.close();
    const second = counted();
    const done: number[] = [];
    const again = withKeptEncodings(second, directory);
    const options = {onProgress: (count: number) => done.push(count)};
    expect(await again.encode([...expected.texts, 'film'], options)).toEqual(
      await encoder.encode([...expected.texts, 'film']),
    );
    expect(second.texts).toEqual(['film']);
    expect(done.at(-1)).toBe(expected.texts.length + 1);
    await again.close();
  });

  it('keeps those of another encoder apart', async () => {
    const directory = join(folder, 'apart');
    const [one, other] = [counted(), {...counted(), hash: 'other'}];
    for (const each of [one, other]) {
      const kept = withKeptEncodings(each, directory);
      await kept.encode(['a film']);
      await kept.close();
      expect(each.texts).toEqual(['a film']);
    }
  });

  it('warns of a damaged file, and encodes its texts again', async () => {
    const directory = join(folder, 'damaged');
    const kept = withKeptEncodings(counted(), directory);
    await kept.encode(expected.texts);
    await kept.close();
    await truncate(join(directory, 'encodings', encoder.hash), 5000);
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const second = counted();
    const again = withKeptEncodings(second, directory);
    expect(await again.encode(expected.texts)).toEqual(await encoder.encode(expected.texts));
    expect(second.texts.length).toBe(7);
    expect(warned.mock.calls).toEqual([[expect.stringContaining('is damaged. Its inputs are encoded again.')]]);
    warned.mockRestore();
    await again.close();
  });

  it('says that the folder can not be written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(withKeptEncodings(encoder, join(folder, 'file')).encode(['a'])).rejects.toThrow("can't be kept in");
  });
});
