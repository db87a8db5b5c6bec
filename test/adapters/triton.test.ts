/** The page's teacher against Triton itself, see `test/servers`. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type OpenInferenceOptions, openInference} from '../../adapters/open-inference.ts';
import {askAll} from '../../src/ask/batches.ts';
import {openAsking} from '../../src/index.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {Teacher} from '../../src/teacher.ts';
import {freePort} from '../free-port.ts';
import {writeSection} from '../servers/page.ts';
import {NO_SERVERS, type PythonServer, programsOf, startPythonServer} from '../servers/python-server.ts';
import {floats} from './replay.ts';

const whyNot = programsOf('triton') === undefined ? ` (${NO_SERVERS})` : '';

/** Rows of 64 whole numbers. */
const rows = Array.from({length: 100}, (_, row) => Array.from({length: 64}, (__, pixel) => (row * pixel + row) % 17));
const images = rows.map(row => floats(...row));
/** Computed as `serve-triton.py` does. */
const answers = rows.map(row => ({
  answer: {
    kind: 'logits',
    logits: Float32Array.from({length: 10}, (_, label) =>
      row.reduce((sum, value, pixel) => sum + value * (((7 * pixel + 3 * label) % 11) - 5), 0),
    ),
  },
}));

describe.skipIf(whyNot !== '')(`openInference against Triton${whyNot}`, () => {
  let server: PythonServer;
  let ports: readonly [http: number, grpc: number];
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-triton-'));
    ports = [await freePort(), await freePort()];
    const script = join(import.meta.dirname, '../servers/serve-triton.py');
    const command = ['python', script, ...ports.map(String)] as const;
    const readyAt = '/v2/models/heads/ready';
    server = (await startPythonServer({
      environment: 'triton',
      command: [...command],
      folder,
      port: ports[0],
      readyAt,
    }))!;
  });

  afterAll(async () => {
    await server.stop();
    await rm(folder, {recursive: true, force: true});
  });

  const withOptions = (options: Partial<OpenInferenceOptions> & {readonly output?: {readonly logits: string}}) =>
    openInference({
      ...{url: server.url, model: 'digits', classes: [...'0123456789'], output: {logits: 'logits'}},
      input: {name: 'pixels', datatype: 'FP32'},
      ...options,
    });

  const asked = async (teacher: Teacher, name: string) => {
    const asking = await openAsking({cache: join(folder, name), journal: join(folder, `${name}-journal`)});
    return askAll(asking.open(teacher).teacher, images).finally(() => asking.close());
  };

  it('brings the exact logits by the teacher of the page', async () => {
    const teacher = await writeSection('Triton', ports[0]).teacher();
    expect(await teacher.ask(images.slice(0, 32))).toMatchObject(answers.slice(0, 32));
  });

  it('brings them over gRPC', async () => {
    const teacher = withOptions({url: `grpc://127.0.0.1:${ports[1]}`});
    expect(await teacher.ask(images.slice(0, 32))).toMatchObject(answers.slice(0, 32));
  });

  it('answers all inputs, though each batch is larger than the model takes', async () => {
    expect(await asked(withOptions({maxBatch: 50}), 'large')).toMatchObject(answers);
  });

  it('brings the answers to several questions by several outputs, as bytes and over gRPC', async () => {
    const questions = [
      choice('kind', 'Which?', ['a', 'b', 'c']),
      score('level', 'How much?', ['none', 'little', 'some', 'much']),
      predicate('round', 'Is it round?'),
    ];
    const output = {kind: {logits: 'kind'}, level: {logits: 'level'}, round: {logits: 'marks', column: 1}};
    const asked = images.slice(0, 20).flatMap(query => questions.map(question => ({...query, question})));
    const wanted = answers.slice(0, 20).flatMap(({answer: {logits}}) =>
      [logits.slice(0, 3), logits.slice(3, 7), Float32Array.of(0, logits[8]! / 64)].map(own => ({
        answer: {kind: 'logits', logits: own},
      })),
    );
    for (const url of [server.url, `grpc://127.0.0.1:${ports[1]}`]) {
      const input = {name: 'pixels', datatype: 'FP32'};
      const teacher = openInference({url, model: 'heads', questions, output, input});
      expect(await teacher.ask(asked)).toMatchObject(wanted);
    }
  });

  it.each([
    ['name of the input', {input: {name: 'pixel', datatype: 'FP32'}}, "unexpected inference input 'pixel'"],
    ['name of the model', {model: 'digit'}, "'digit'"],
    ['name of the output', {output: {logits: 'logit'}}, "'logit'"],
  ] as const)('is refused with its own sentence for a wrong %s', async (name, options, says) => {
    await expect(asked(withOptions(options), name.replaceAll(' ', '-'))).rejects.toThrow(says);
  });
});
