import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import type {startEngine} from '../../src/engine/engine.ts';
import {saveStudent} from '../../src/student/files.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {Student} from '../../src/student/student.ts';
import type * as servicesModule from '../../src/study/services.ts';
import {checkBuilt, cli} from '../built.ts';
import {folders, tinyData, tinyModel} from './tiny.ts';

const newFolder = folders();
const opened: servicesModule.Services[] = [];
let built: typeof servicesModule;
let model: Student;
let directory: string;

beforeAll(async () => {
  checkBuilt();
  // Services are processes of the built command, so it is the built module that can start them. One engine serves both.
  const moduleAt = (path: string) => import(pathToFileURL(join(cli, '../..', path)).href);
  built = (await moduleAt('study/services.js')) as typeof servicesModule;
  await ((await moduleAt('engine/engine.js')) as {startEngine: typeof startEngine}).startEngine();
  model = await tinyModel();
  directory = join(await newFolder(), 'digits');
  await saveStudent(directory, model);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(opened.splice(0).map(services => services.close()));
});

function services(): servicesModule.Services {
  const made = built.openServices();
  opened.push(made);
  return made;
}

async function infer(
  url: string,
  version: string,
): Promise<{readonly outputs: readonly {name: string; data: number[]}[]}> {
  const {shape, data} = tinyData().test.inputs as {shape: readonly number[]; data: Uint8Array};
  const input = {name: 'input', datatype: 'UINT8', shape: [2, ...shape], data: [...data.subarray(0, 32)]};
  const body = JSON.stringify({inputs: [input]});
  const reply = await fetch(`${url}/v2/models/digits/versions/${version}/infer`, {
    ...{method: 'POST', body, headers: {'content-type': 'application/json'}},
  });
  expect(reply.status).toBe(200);
  return (await reply.json()) as Awaited<ReturnType<typeof infer>>;
}

describe('published models', () => {
  it('answer over HTTP with what the model says, and are gone when the study is done', async () => {
    const all = services();
    const {url, model: name, version} = await all.publish(directory, {access: 'gray-box'});
    expect(name).toBe('digits');
    const address = await url();
    expect(await url()).toBe(address);
    const {outputs} = await infer(address, version);
    const logits = await predictLogits(model, tinyData().test.inputs);
    const [one, two] = [logits.subarray(0, 3), logits.subarray(3, 6)];
    const expected = [one, two].flatMap(row =>
      [...row].map(z => z - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0))),
    );
    expect(outputs.map(output => output.name)).toEqual(['log_probabilities']);
    expect(outputs[0]!.data).toEqual(expected.map(value => expect.closeTo(value, 4)));
    await all.close();
    await expect(fetch(`${address}/v2/health/live`)).rejects.toThrow('fetch failed');
  });

  it('show labels alone where they are a black box, and the k best where that was asked for', async () => {
    const all = services();
    const [black, top] = [
      await all.publish(directory, {access: 'black-box'}),
      await all.publish(directory, {access: 'gray-box', topK: 2}),
    ];
    const names = async ({url, version}: typeof black) =>
      (await infer(await url(), version)).outputs.map(({name}) => name);
    expect(await Promise.all([names(black), names(top)])).toEqual([
      ['label', 'class'],
      ['classes', 'log_probabilities'],
    ]);
  });

  it('are told apart by what they show and by all that can change an answer, not by where they stand', async () => {
    const all = services();
    const shown = async (folder: string, options: Parameters<typeof all.publish>[1]) => {
      const {service, model, version} = await all.publish(folder, options);
      return JSON.stringify({service, model, version});
    };
    const copy = join(await newFolder(), 'digits');
    await saveStudent(copy, model);
    expect(await shown(copy, {access: 'gray-box'})).toBe(await shown(directory, {access: 'gray-box'}));

    // The same weights with another preprocessing answer otherwise.
    const changed = join(await newFolder(), 'digits');
    await saveStudent(changed, {...model, preprocessing: {scale: 1 / 128}});
    const identities = await Promise.all([
      shown(directory, {access: 'gray-box'}),
      shown(directory, {access: 'black-box'}),
      shown(directory, {access: 'gray-box', topK: 2}),
      shown(directory, {access: 'gray-box', topK: 1}),
      shown(changed, {access: 'gray-box'}),
    ]);
    expect(new Set(identities).size).toBe(identities.length);
  });

  it('ask for no key, whatever the environment sets for other services', async () => {
    vi.stubEnv('LIMBECK_SERVE_KEY', 'sekret');
    const {url, version} = await services().publish(directory, {access: 'black-box'});
    expect((await infer(await url(), version)).outputs).toHaveLength(2);
  });

  it('say why they could not start', async () => {
    const broken = join(await newFolder(), 'digits');
    await saveStudent(broken, model);
    const {url} = await services().publish(broken, {access: 'gray-box'});
    await writeFile(join(broken, 'model.json'), (await readFile(join(broken, 'model.json'), 'utf8')).slice(1));
    await expect(url()).rejects.toThrow(
      /^The service of .*digits ended with code 1 before it was ready:\n.*model\.json/,
    );
  });
});
