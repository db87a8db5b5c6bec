import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {fixture, workplace} from './limbeck.ts';

const {folder, run} = workplace();
const recipe = fixture('forbidden.ts');

describe('a provider that forbids to train on its answers', () => {
  it('is named by `plan`, and asked by `label` with permission only', async () => {
    const planned = await run(['plan', recipe, '--offline']);
    expect(planned).toMatchObject({code: 0, stdout: expect.stringContaining('8 inputs')});
    expect(planned.stderr.match(/The terms of Anthropic forbid/g)).toHaveLength(1);
    const refused = await run(['label', recipe]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('add `--i-have-permission`, or `hasPermission: true` to the recipe');
    expect(refused.stderr).toContain('https://www.anthropic.com/legal/aup');
    expect(existsSync(join(folder(), '.limbeck/answers'))).toBe(false);
    const permitted = await run(['label', recipe, '--i-have-permission', '--budget', '0calls']);
    expect(permitted.stderr).not.toContain('The terms of');
    expect(permitted.stderr).toMatch(/8 inputs were not sent to the teacher|budget/i);
  });

  it('writes no texts to train on without permission', async () => {
    const refused = await run(['write', recipe, '--count', '4']);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('The terms of Anthropic forbid to train models on its answers');
    const permitted = await run(['write', recipe, '--count', '4', '--i-have-permission', '--budget', '0calls']);
    expect(permitted.stderr).not.toContain('The terms of');
  });
});
