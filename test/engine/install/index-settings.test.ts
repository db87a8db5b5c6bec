import {join} from 'node:path';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {indexUrl} from '../../../src/engine/install/wheel.ts';
import {temporaryFolder, writeText} from './loopback.ts';

afterEach(() => void vi.unstubAllEnvs());

/** The home of a user who has set nothing. */
async function newHome(): Promise<string> {
  const home = await temporaryFolder();
  vi.stubEnv('HOME', home);
  for (const name of ['PIP_INDEX_URL', 'PIP_CONFIG_FILE', 'VIRTUAL_ENV', 'XDG_CONFIG_HOME']) vi.stubEnv(name, '');
  return home;
}

describe('indexUrl', () => {
  it('is the variable first, then the file nearest to the user', async () => {
    const home = await newHome();
    await writeText(join(home, '.pip', 'pip.conf'), '[global]\nindex-url = https://old/simple\n');
    expect(await indexUrl()).toBe('https://old/simple');
    await writeText(
      join(home, '.config', 'pip', 'pip.conf'),
      '[global]\ntimeout = 9\nindex_url: https://user/simple\n',
    );
    expect(await indexUrl()).toBe('https://user/simple');
    await writeText(join(home, 'pip.ini'), '[download]\nindex-url=https://named/simple\n');
    vi.stubEnv('PIP_CONFIG_FILE', join(home, 'pip.ini'));
    expect(await indexUrl()).toBe('https://named/simple');
    vi.stubEnv('PIP_INDEX_URL', 'https://variable/simple');
    expect(await indexUrl()).toBe('https://variable/simple');
  });

  it('takes nothing from sections of other commands, comments and other settings', async () => {
    const home = await newHome();
    const text =
      '[install]\nindex-url = https://install\n[global]\n# index-url = https://comment\nextra-index-url = https://extra\n';
    await writeText(join(home, 'pip.conf'), text);
    vi.stubEnv('PIP_CONFIG_FILE', join(home, 'pip.conf'));
    await expect(indexUrl()).rejects.toThrow('no Python package index is set. Install pip, or set PIP_INDEX_URL');
  });
});
