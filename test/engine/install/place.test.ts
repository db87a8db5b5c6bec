import {homedir} from 'node:os';
import {join} from 'node:path';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {engineFolder, engineRoot} from '../../../src/engine/install/place.ts';

afterEach(() => void vi.unstubAllEnvs());

describe('engineRoot', () => {
  it('is in the user’s cache, so that it outlives node_modules', () => {
    vi.stubEnv('LIMBECK_ENGINE_DIR', '');
    vi.stubEnv('XDG_CACHE_HOME', '');
    expect(engineRoot()).toBe(join(homedir(), '.cache', 'limbeck', 'engine'));
    vi.stubEnv('XDG_CACHE_HOME', '/caches');
    expect(engineRoot()).toBe('/caches/limbeck/engine');
  });

  it('is where LIMBECK_ENGINE_DIR says', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/caches');
    vi.stubEnv('LIMBECK_ENGINE_DIR', '/engines');
    expect(engineRoot()).toBe('/engines');
  });
});

describe('engineFolder', () => {
  it('differs by machine and not by Node', () => {
    expect(engineFolder('/engines', 'linux-arm64')).toBe('/engines/tfjs-node-4.22.0-linux-arm64');
    expect(engineFolder('/engines')).toBe(`/engines/tfjs-node-4.22.0-${process.platform}-${process.arch}`);
  });
});
