import {mkdir, readFile, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {fixture, workplace} from './limbeck.ts';

const {folder, run, json} = workplace();
const root = join(import.meta.dirname, '../..');

/** Writes files below the folder of the tests, which is outside of the repository. */
async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder(), name)), {recursive: true});
    await writeFile(join(folder(), name), content);
  }
}

describe('a TypeScript recipe in a project of its own', () => {
  let recipe: string;

  beforeAll(async () => {
    recipe = (await readFile(fixture('remote.ts'), 'utf8'))
      .replace("const classes = ['a', 'b', 'c'];", "import {classes} from './classes.ts';")
      .replace("name: 'remote'", "name: 'elsewhere'");
    for (const project of ['plain', 'modules']) {
      await write({
        [`${project}/recipe.ts`]: recipe,
        [`${project}/classes.ts`]: "export const classes: readonly string[] = ['a', 'b', 'c'];\n",
        [`${project}/package.json`]: project === 'modules' ? '{"type": "module"}' : '{"name": "plain"}',
      });
      await mkdir(join(folder(), project, 'node_modules'));
      await symlink(root, join(folder(), project, 'node_modules/limbeck'));
    }
  });

  it.each([
    ['whose package.json says that it is made of modules', 'modules'],
    ['whose package.json says nothing of the kind', 'plain'],
  ])('works in one %s', async (_, project) => {
    const labelled = await run(['label', `${project}/recipe.ts`, '--offline']);
    // The recipe was read, its data and its teachers made; there is only no answer yet.
    expect(labelled).toMatchObject({code: 1, stdout: ''});
    expect(labelled.stderr).toContain('limbeck: Teacher open-inference letters at remote left 60 of 60 inputs');
  });

  it('shares the program with the command: a student is trained from it', async () => {
    const path = join(folder(), 'modules/truth.ts');
    const truth = "import recipe from './recipe.ts';\nimport {hardLabels} from 'limbeck';\n";
    const methods = "[{level: 'none' as const, method: 'truth', losses: [hardLabels()]}]";
    await writeFile(path, `${truth}export default {...recipe, methods: ${methods}};\n`);
    const trained = await json<{directory: string}>(['train', 'modules/truth.ts']);
    expect(trained).toMatchObject({method: 'truth', directory: 'out/elsewhere/students/truth/seed-1'});
  });

  it('is told what it imports that is not there', async () => {
    await write({'modules/lost.ts': "import 'no-such-package';\nexport default {};\n"});
    const {code, stdout, stderr} = await run(['compare', 'modules/lost.ts']);
    expect({code, stdout}).toEqual({code: 1, stdout: ''});
    expect(stderr).toMatch(
      /^limbeck: modules\/lost\.ts imports a module that is not there\. Install it beside the recipe\./,
    );
    expect(stderr).toContain('no-such-package');
  });
});
