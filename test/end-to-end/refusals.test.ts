import {existsSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {fixture, workplace} from './limbeck.ts';

const {folder, start, run} = workplace();
const recipe = fixture('remote.ts');

/** Ends of commands that must fail: exit code, and what is said. */
describe('limbeck refuses, with exit code 1, nothing on stdout and a word on what to do,', () => {
  it.each([
    ['no command', [], /Usage: limbeck/],
    ['an unknown command', ['distil'], /unknown command 'distil'\n.*--help/],
    ['an unknown flag', ['compare', recipe, '--rounds', '3'], /unknown option '--rounds'\n.*--help/],
    ['an unknown flag of an inner command', ['cache', 'list', '--all'], /unknown option '--all'\n.*--help/],
    ['a recipe that is not named', ['compare'], /missing required argument 'recipe'\n.*--help/],
    ['a recipe that is not there', ['compare', 'recipe.ts'], /There is no recipe at recipe\.ts\. Give the path/],
    [
      'a level that is none',
      ['label', recipe, '--level', 'grey-box'],
      /Allowed choices are black-box, gray-box, white-box/,
    ],
    ['a level without a teacher', ['label', recipe, '--level', 'white-box'], /no white-box teacher\. Add one/],
    [
      'an unknown method',
      ['train', recipe, '--method', 'nope'],
      /no method `nope`\. It has: `labels`, `log-probabilities`/,
    ],
    ['a seed that is no number', ['train', recipe, '--seed', 'one'], /'one' is invalid\. Give a whole number/],
    ['a student that is not there', ['predict', 'student'], /There is no student\/model\.json\. Check the path/],
    ['a student to measure that is not there', ['evaluate', 'student', recipe], /There is no student\/model\.json/],
    ['a model to serve that is not there', ['serve', 'student'], /There is no student\/model\.json/],
    [
      'a port that is none',
      ['serve', 'student', '--port', '70000'],
      /'70000' is invalid\. Give a number from 0 to 65535/,
    ],
    ['scores of a black box', ['serve', 'x', '--access', 'black-box', '--top-k', '3'], /--top-k .*--access gray-box/],
  ])('%s', async (_, args, said) => {
    const {code, signal, stdout, stderr} = await run(args);
    expect({code, signal, stdout}).toEqual({code: 1, signal: null, stdout: ''});
    expect(stderr).toMatch(said);
    expect(stderr).not.toMatch(/unexpected failure|\n\s+at /);
  });

  it('a recipe with a slip, before anything is asked or written', async () => {
    const path = join(folder(), 'slip.ts');
    await writeFile(path, `import recipe from ${JSON.stringify(recipe)}; export default {...recipe, sede: [1]};`);
    const {code, stdout, stderr} = await run(['compare', path]);
    expect({code, stdout}).toEqual({code: 1, stdout: ''});
    expect(stderr).toMatch(/^limbeck: The recipe is not right:\n {2}sede: unknown key\. Did you mean `seeds`\?\n$/);
    expect(existsSync(join(folder(), '.limbeck'))).toBe(false);
    expect(existsSync(join(folder(), 'out'))).toBe(false);
  });
});

describe('limbeck', () => {
  it('tells its version and its commands', async () => {
    expect(await run(['--version'])).toMatchObject({code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/)});
    const {code, stdout} = await run(['--help']);
    expect(code).toBe(0);
    for (const name of ['compare', 'label', 'train', 'evaluate', 'predict', 'serve', 'engine', 'cache']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    }
  });

  it('makes no fuss where its reader has seen enough', async () => {
    const running = start(['engine']);
    running.closeStdout();
    expect(await running.finished).toMatchObject({code: 0, stderr: ''});
  });
});
