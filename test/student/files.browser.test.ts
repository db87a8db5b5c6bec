import {readFile, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import type {Browser} from 'playwright-core';
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {saveStudent} from '../../src/student/files.ts';
import {lenet} from '../../src/student/lenet.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {resnetCifar} from '../../src/student/resnet-cifar.ts';
import {launchChromium, NO_CHROMIUM} from '../chromium.ts';
import {images, imageTask} from './examples.ts';

const folder = join(tmpdir(), `limbeck-browser-${process.pid}`);
const packages = resolve(import.meta.dirname, '../../node_modules/@tensorflow');
const scripts = [
  'tfjs-core/dist/tf-core.min.js',
  'tfjs-layers/dist/tf-layers.min.js',
  'tfjs-backend-cpu/dist/tf-backend-cpu.min.js',
];
const blank = '<!doctype html><meta charset="utf-8"><title>student</title>';

let browser: Browser | undefined;
let server: Server;
let address: string;

beforeAll(async () => {
  await startEngine();
  browser = await launchChromium();
  server = createServer(async ({url = '/'}, response) => {
    const isPage = url === '/';
    if (isPage) response.setHeader('content-type', 'text/html');
    response.end(isPage ? blank : await readFile(join(folder, decodeURIComponent(url))).catch(() => ''));
  });
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await browser?.close();
  server.close();
  await rm(folder, {recursive: true, force: true});
});

/** What the page sees of the program: nothing. It knows TensorFlow.js alone. */
interface PageTensorFlow {
  loadLayersModel(url: string): Promise<{predict(x: unknown): {data(): Promise<Float32Array>}}>;
  tensor(values: readonly number[], shape: readonly number[]): unknown;
}

describe('a saved student in a browser', () => {
  beforeEach(({skip}) => skip(browser === undefined, NO_CHROMIUM));

  it.each([
    ['mlp', mlp({units: [16]}), [28, 28, 1]],
    ['lenet', lenet({filters: [4, 6], units: 12}), [28, 28, 1]],
    ['resnet-20 with parameter-free shortcuts', resnetCifar({depth: 20}), [32, 32, 3]],
  ] as const)('%s gives the logits that it gives here, with plain TensorFlow.js', async (name, build, shape) => {
    const student = build(imageTask(shape), 3);
    await saveStudent(join(folder, name), student);
    const inputs = images(2, shape);
    const {scale = 1, mean = 0} = student.preprocessing;
    const values = Array.from(inputs.data, value => value * scale - (mean as number));
    const page = await browser!.newPage();
    await page.goto(address);
    for (const script of scripts) await page.addScriptTag({path: join(packages, script)});
    const given = await page.evaluate(
      async ({url, values, shape}) => {
        const {tf} = globalThis as unknown as {tf: PageTensorFlow};
        const model = await tf.loadLayersModel(url);
        return [...(await model.predict(tf.tensor(values, shape)).data())];
      },
      {url: `${address}/${encodeURIComponent(name)}/model.json`, values, shape: [2, ...shape]},
    );
    await page.close();
    const expected = await predictLogits(student, inputs);
    for (const [index, logit] of given.entries()) expect(logit).toBeCloseTo(expected[index]!, 4);
    expect(given).toHaveLength(20);
  });
});
