import {execFileSync} from 'node:child_process';
import {mkdir, mkdtemp, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {parquetWriteBuffer} from 'hyparquet-writer';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {headIn, readModel as readOnnx} from '../adapters/_onnx/model.ts';
import {savedModel} from '../adapters/saved-model.ts';
import {readIdxArray} from '../src/data/idx.ts';
import {randomInteger, seededRandom} from '../src/data/random.ts';
import {readTexts} from '../src/data/texts/read.ts';
import {startEngine} from '../src/engine/engine.ts';
import {unpackWheel} from '../src/engine/install/wheel.ts';
import {LimbeckError} from '../src/errors.ts';
import {loadKnowledge} from '../src/knowledge/files.ts';
import {importAnswers} from '../src/store/portable.ts';
import {loadStudent, saveStudent} from '../src/student/files.ts';
import {mlp} from '../src/student/mlp.ts';
import {TARGET, WHEEL} from './engine/install/fake-wheel.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
let folder: string;

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-hostile-files-'));
});
afterAll(() => rm(folder, {recursive: true}));

/** Random mutations of a valid file: changed bits, bytes and lengths, and parts that are left out or repeated. */
function* mutations(valid: Buffer, seed: number, count: number): Generator<Buffer> {
  const random = seededRandom(seed, 'mutations');
  const below = (end: number) => randomInteger(random, 0, Math.max(end, 1) - 1);
  // Headers are short, come first and decide most.
  const placeIn = (bytes: Buffer) => below(below(2) === 0 ? Math.min(bytes.length, 256) : bytes.length);
  const changes: readonly ((bytes: Buffer) => Buffer)[] = [
    bytes => {
      bytes[placeIn(bytes)]! ^= 1 << below(8);
      return bytes;
    },
    bytes => {
      bytes[placeIn(bytes)] = [0, 0xff, 0x7f, 0x80][below(4)]!;
      return bytes;
    },
    bytes => bytes.fill(0xff, placeIn(bytes)).subarray(0, bytes.length),
    bytes => bytes.subarray(0, placeIn(bytes)),
    bytes => {
      const [start, length] = [placeIn(bytes), below(64)];
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + length)]);
    },
    bytes => {
      const [start, length] = [placeIn(bytes), below(64)];
      return Buffer.concat([bytes.subarray(0, start + length), bytes.subarray(start)]);
    },
    bytes => {
      if (bytes.length >= 4) bytes.writeUInt32LE(below(2 ** 31), Math.min(placeIn(bytes), bytes.length - 4));
      return bytes;
    },
  ];
  for (let made = 0; made < count; made++) {
    let bytes = Buffer.from(valid);
    for (let change = 0; change <= below(3); change++) bytes = Buffer.from(changes[below(changes.length)]!(bytes));
    yield bytes;
  }
}

/** Limits of a reader for one file, in milliseconds and bytes, on a busy machine. */
const [LONGEST, MOST_MEMORY] = [5000, 2 ** 29];

/** Every outcome is a value or an error of limbeck's, in bounded time and memory. */
async function checkAll(valid: Buffer, count: number, read: (bytes: Buffer) => Promise<unknown>): Promise<void> {
  let refused = 0;
  for (const [index, bytes] of [...mutations(valid, 15, count)].entries()) {
    const start = performance.now();
    const error = await read(bytes).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error !== undefined) refused++;
    if (error !== undefined && !(error instanceof LimbeckError)) {
      throw new Error(`Mutation ${index} ends in an error of another kind.`, {cause: error});
    }
    expect(performance.now() - start).toBeLessThan(LONGEST);
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(MOST_MEMORY);
  }
  expect(refused).toBeGreaterThan(count / 20);
  expect(refused).toBeLessThanOrEqual(count);
}

async function written(name: string, bytes: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

async function allOf<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

describe('a damaged file ends in a value or an error that names it', () => {
  it('as safetensors', async () => {
    const valid = await readFile(join(fixtures, 'knowledge/python.safetensors'));
    await checkAll(valid, 300, async bytes => loadKnowledge(await written('k.safetensors', bytes)));
  });

  it('as an ONNX model', async () => {
    const valid = await readFile(join(fixtures, 'onnx/digits.onnx'));
    await checkAll(valid, 300, async bytes => {
      const model = await readOnnx(await written('m.onnx', bytes));
      headIn(model, {question: undefined, classes: 2, kind: 'logits', output: model.graph.outputs[0]!.name});
    });
  });

  it('as a SavedModel', async () => {
    const valid = await readFile(join(fixtures, 'saved-model/dense/saved_model.pb'));
    await mkdir(join(folder, 'saved'), {recursive: true});
    await checkAll(valid, 150, async bytes => {
      await written('saved/saved_model.pb', bytes);
      await savedModel({path: join(folder, 'saved'), classes: ['a', 'b'], output: {logits: 'logits'}});
    });
  });

  it('as a zip', async () => {
    await checkAll(WHEEL, 200, async bytes => unpackWheel(await written('wheel', bytes), TARGET, join(folder, 'deps')));
  });

  it('as a model of TensorFlow.js', async () => {
    const path = join(folder, 'student');
    const task = {classes: ['a', 'b'], kind: 'tensor', inputShape: [3], preprocessing: {}} as const;
    await saveStudent(path, mlp({units: [2]})(task, 1));
    for (const name of ['model.json', 'limbeck.json', 'weights.bin']) {
      const valid = await readFile(join(path, name));
      await checkAll(valid, 100, async bytes => {
        await writeFile(join(path, name), bytes);
        const {model} = await loadStudent(path);
        model.dispose();
      });
      await writeFile(join(path, name), valid);
    }
  });

  it('as Parquet', async () => {
    for (const codec of ['none', 'snappy', 'zstd']) {
      const valid = await readFile(join(fixtures, `texts/tickets-${codec}.parquet`));
      await checkAll(valid, 100, async bytes => {
        await allOf(readTexts(await written('t.parquet', bytes), {text: 'text'}));
      });
    }
  });

  it('as gzipped images', async () => {
    const header = Buffer.from([0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 8, 0, 0, 0, 8]);
    const valid = Buffer.concat([header, Buffer.alloc(640, 7)]);
    await checkAll(valid, 200, async bytes => readIdxArray(await written('i.idx', bytes)));
    await checkAll(gzipSync(valid), 200, async bytes => readIdxArray(await written('i.gz', bytes)));
  });
});

describe('a file made to fill the memory is refused', () => {
  it('as gzipped images, whatever their header claims', async () => {
    const size = 2 ** 27;
    const header = Buffer.from([0, 0, 8, 1, 0, 0, 0, 0]);
    header.writeUInt32BE(size, 4);
    const path = await written('bomb.idx.gz', gzipSync(Buffer.concat([header, Buffer.alloc(size)])));
    await expect(readIdxArray(path)).rejects.toThrow('unzips to far more bytes than images do');
  });

  it('as Parquet with a long text, or with many rows of one', async () => {
    const long = parquetWriteBuffer({
      columnData: [{name: 'text', data: ['a'.repeat(2 ** 27)], type: 'STRING'}],
      codec: 'SNAPPY',
    });
    const gzipped = parquetWriteBuffer({
      columnData: [{name: 'text', data: ['a'.repeat(2 ** 27)], type: 'STRING'}],
      codec: 'GZIP',
      compressors: {GZIP: bytes => gzipSync(bytes)},
    });
    const rows = parquetWriteBuffer({
      columnData: [{name: 'text', data: new Array<string>(2_000_000).fill('a'), type: 'STRING'}],
      rowGroupSize: 2_000_000,
    });
    for (const [bytes, problem] of [
      [long, undefined],
      [gzipped, 'unpacks to more than texts do'],
      [rows, 'has a row group of 2000000 rows'],
    ] as const) {
      const path = await written('bomb.parquet', Buffer.from(bytes));
      const read = allOf(readTexts(path, {text: 'text'}));
      if (problem === undefined) expect(await read).toHaveLength(1);
      else await expect(read).rejects.toThrow(problem);
    }
  });

  it('as an import of answers', async () => {
    const head = '{"format":"limbeck.answers/1"}\n';
    const endless = await written(
      'endless.gz',
      gzipSync(Buffer.concat([Buffer.from(head), Buffer.alloc(2 ** 26, 'a')])),
    );
    await expect(importAnswers({} as never, endless)).rejects.toThrow('Line 2 is longer than 16 Mi characters');
    const deep = await written('deep.gz', gzipSync(`${head}${'['.repeat(2 ** 22)}\n`));
    await expect(importAnswers({} as never, deep)).rejects.toBeInstanceOf(LimbeckError);
  });
});

describe('a model from elsewhere reads no other files', () => {
  async function naming(...paths: readonly unknown[]): Promise<string> {
    const path = await mkdtemp(join(folder, 'model-'));
    const weights = [{name: 'a/kernel', shape: [2, 2], dtype: 'float32'}];
    const model = {modelTopology: {}, format: 'layers-model', weightsManifest: [{paths, weights}]};
    await writeFile(join(path, 'model.json'), JSON.stringify(model));
    return path;
  }

  it('beside its folder, by a path or by a link', async () => {
    const secret = await written('secret', Buffer.alloc(16));
    for (const path of ['../secret', secret, './../secret', '..', '', 'x/../../secret', ['../secret']]) {
      await expect(loadStudent(await naming(path), {classes: ['a', 'b']})).rejects.toThrow(
        /names weights outside its folder|There is no/,
      );
    }
    const path = await naming('weights.bin');
    await symlink(secret, join(path, 'weights.bin'));
    await expect(loadStudent(path, {classes: ['a', 'b']})).rejects.toThrow('names weights outside its folder');
  });

  it('that are pipes or devices', async () => {
    const path = await naming('weights.bin');
    execFileSync('mkfifo', [join(path, 'weights.bin')]);
    await expect(loadStudent(path, {classes: ['a', 'b']})).rejects.toThrow('Cannot read');
    await rm(join(path, 'model.json'));
    await symlink('/dev/zero', join(path, 'model.json'));
    await expect(loadStudent(path, {classes: ['a', 'b']})).rejects.toThrow('Cannot read');
  });

  it('as ONNX', async () => {
    const path = await mkdtemp(join(folder, 'onnx-'));
    const model = await readFile(join(fixtures, 'onnx/external.onnx'));
    await writeFile(join(path, '../weights'), 'secret');
    // These have the length of the name that they replace.
    for (const name of ['./././../weights', '../../../dev/kvm']) {
      const bytes = Buffer.from(model.toString('latin1').replaceAll('external.weights', name), 'latin1');
      await writeFile(join(path, 'm.onnx'), bytes);
      await expect(readOnnx(join(path, 'm.onnx'))).rejects.toThrow(/keeps weights in .*, which can't be read/);
    }
  });
});
