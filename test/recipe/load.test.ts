import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {loadRecipe} from '../../src/recipe/load.ts';
import {folders} from '../study/tiny.ts';

const newFolder = folders();
let folder: string;

beforeAll(async () => {
  folder = await newFolder('recipes');
});

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const good = `{
  name: 'plain',
  data: () => {},
  transfer: {size: 1},
  teachers: {'black-box': () => {}},
  student: () => {},
  methods: [{level: 'none', method: 'truth', losses: [{prepare() {}}]}],
  seeds: [1],
  training: {epochs: 1},
}`;

async function refusal(path: string): Promise<InputError> {
  const error: unknown = await loadRecipe(path).catch(error => error);
  expect(error).toBeInstanceOf(InputError);
  return error as InputError;
}

describe('loadRecipe', () => {
  it('loads what a module exports by default', async () => {
    expect(await loadRecipe(await file('good.mjs', `export default ${good};`))).toMatchObject({name: 'plain'});
  });

  it('checks it, whether its author did or not', async () => {
    const path = await file('bad.mjs', `export default {...${good}, sede: 1};`);
    expect((await refusal(path)).message).toContain('sede: unknown key. Did you mean `seeds`?');
  });

  it('refuses a path where no file is', async () => {
    const missing = join(folder, 'missing.ts');
    expect((await refusal(missing)).message).toMatch(/^There is no recipe at .*missing\.ts\. Give the path/);
    await mkdir(join(folder, 'nested'));
    expect((await refusal(join(folder, 'nested'))).message).toMatch(/^There is no recipe at .*nested/);
  });

  it('refuses a module without a default export', async () => {
    const path = await file('named.mjs', `export const recipe = ${good};`);
    expect((await refusal(path)).message).toMatch(
      /named\.mjs has no default export\. Write `export default defineRecipe/,
    );
  });

  it('says which module is missing where an import fails', async () => {
    const path = await file('lost.mjs', "import 'no-such-package'; export default {};");
    const {message, cause} = await refusal(path);
    expect(message).toMatch(/lost\.mjs imports a module that is not there\. Install it beside the recipe/);
    expect((cause as Error).message).toContain('no-such-package');
  });

  it('leaves an error of the recipe itself as it is', async () => {
    const path = await file('throws.mjs', "throw new RangeError('of its own');");
    await expect(loadRecipe(path)).rejects.toThrow(RangeError);
  });
});
