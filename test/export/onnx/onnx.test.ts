import {execFile, spawnSync} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../../src/engine/engine.ts';
import {exportOnnx} from '../../../src/export/onnx/export.ts';
import {loadPeer} from '../../../src/peer.ts';
import {peerOrSkip} from '../../adapters/peer.ts';
import {STUDENTS, shaken} from './students.ts';

interface Runtime {
  readonly InferenceSession: {create(path: string, options: object): Promise<Session>};
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => object;
}
interface Session {
  run(feeds: Readonly<Record<string, object>>): Promise<Readonly<Record<string, {readonly data: Float32Array}>>>;
}

interface Document {
  readonly input: {readonly name: string; readonly type: string; readonly shape?: readonly number[]};
  readonly vectors: readonly Readonly<Record<string, readonly number[]>>[];
}

const missing = await peerOrSkip('onnxruntime-node');
let folder: string;
let runtime: Runtime;

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
  if (missing === undefined) runtime = await loadPeer<Runtime>('onnxruntime-node', 'The test');
});
afterAll(() => rm(folder, {recursive: true}));

const TYPES = {float32: Float32Array, int32: Int32Array, uint8: Uint8Array} as const;

async function differenceAtVectors(path: string): Promise<number> {
  const {input, vectors} = JSON.parse(await readFile(path.replace(/onnx$/, 'test-vectors.json'), 'utf8')) as Document;
  const session = await runtime.InferenceSession.create(path, {logSeverityLevel: 3});
  let greatest = 0;
  for (const vector of vectors) {
    const values = vector[input.name]!;
    const data = TYPES[input.type as keyof typeof TYPES].from(values);
    const dims = [1, ...(input.shape ?? [values.length])];
    const outputs = await session.run({[input.name]: new runtime.Tensor(input.type, data, dims)});
    for (const [name, {data}] of Object.entries(outputs)) {
      const expected = vector[name]!;
      expect(data).toHaveLength(expected.length);
      const scale = Math.max(1, ...expected.map(Math.abs));
      for (const [index, value] of data.entries())
        greatest = Math.max(greatest, Math.abs(value - expected[index]!) / scale);
    }
  }
  return greatest;
}

const noPython =
  spawnSync('python3', ['-c', 'import onnx, onnxruntime']).status === 0 ? '' : ' (python3 lacks onnx or onnxruntime)';

const pathOf = (name: string, int8: boolean): string =>
  join(folder, `${name.replaceAll(' ', '-')}${int8 ? '-int8' : ''}.onnx`);

describe.each([false, true])('a student as ONNX, in 8 bits %s', int8 => {
  describe.skipIf(missing !== undefined)(`in ONNX Runtime${missing ? ` (${missing})` : ''}`, () => {
    it.each(Object.keys(STUDENTS))('gives what it gives here: %s', async name => {
      const path = pathOf(name, int8);
      await exportOnnx(path, shaken(STUDENTS[name]!()), {int8});
      expect(await differenceAtVectors(path)).toBeLessThan(1e-5);
    });
  });
});

it.skipIf(noPython !== '')(`every student is valid for ONNX, and gives the same in Python${noPython}`, async () => {
  for (const [name, make] of Object.entries(STUDENTS)) {
    for (const int8 of [false, true]) await exportOnnx(pathOf(name, int8), shaken(make()), {int8});
  }
  const program = join(import.meta.dirname, 'check.py');
  const {stdout} = await promisify(execFile)('python3', [program, folder], {maxBuffer: 2 ** 26});
  const found = JSON.parse(stdout) as Readonly<Record<string, {readonly difference: number}>>;
  expect(Object.keys(found)).toHaveLength(2 * Object.keys(STUDENTS).length);
  for (const [name, {difference}] of Object.entries(found))
    expect({name, isClose: difference < 1e-5}).toEqual({name, isClose: true});
});
