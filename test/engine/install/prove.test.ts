import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {proveNative} from '../../../src/engine/install/install.ts';
import {temporaryFolder, writeText} from './loopback.ts';

/** The proof of an engine whose tfjs-node is a script. */
async function proofOf(source: string) {
  const folder = await temporaryFolder();
  await writeText(join(folder, 'node_modules', '@tensorflow', 'tfjs-node', 'index.js'), source);
  return proveNative({root: folder, folder});
}

describe('proveNative', () => {
  it('says why an engine does not load', async () => {
    const proof = await proofOf("throw new Error('libtensorflow_cc.so.2: wrong ELF class')");
    expect(proof).toEqual({runs: false, why: 'libtensorflow_cc.so.2: wrong ELF class'});
  });

  it('takes nothing for an engine that makes no backend of itself', async () => {
    expect(await proofOf('')).toMatchObject({runs: false});
  });

  it('outlives an engine that brings its process down, and knows a processor that is too old', async () => {
    const proof = await proofOf("process.kill(process.pid, 'SIGILL')");
    expect(proof).toEqual({runs: false, why: 'This processor lacks instructions (AVX) that TensorFlow needs.'});
    expect(await proofOf("process.kill(process.pid, 'SIGKILL')")).toEqual({
      runs: false,
      why: 'The process ended with SIGKILL.',
    });
  });
});
