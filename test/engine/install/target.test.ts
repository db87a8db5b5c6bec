import {describe, expect, it} from 'vitest';
import {targetOf} from '../../../src/engine/install/target.ts';

const machine = (platform: string, arch: string, isMusl = false) => ({platform, arch, isMusl});

describe('targetOf', () => {
  it.each([
    ['linux', 'x64', 'tensorflow-cpu', '2.15.1', 'manylinux2014_x86_64'],
    ['linux', 'arm64', 'tensorflow-cpu-aws', '2.15.1', 'manylinux2014_aarch64'],
    ['darwin', 'arm64', 'tensorflow', '2.16.1', 'macosx_12_0_arm64'],
    ['darwin', 'x64', 'tensorflow', '2.16.1', 'macosx_10_15_x86_64'],
  ])('finds the wheel for %s %s: %s %s', (platform, arch, project, version, tag) => {
    const target = targetOf(machine(platform, arch));
    expect(target).toMatchObject({machine: `${platform}-${arch}`, project, version, tag});
    expect(target.file).toMatch(new RegExp(`^${project.replaceAll('-', '_')}-${version}-cp311-cp311-.*${tag}\\.whl$`));
    expect(target.sha256).toMatch(/^[0-9a-f]{64}$/);
    const extension = platform === 'linux' ? 'so.2' : '2.dylib';
    expect(target.libraries.slice(0, 2)).toEqual([
      `tensorflow/libtensorflow_cc.${extension}`,
      `tensorflow/libtensorflow_framework.${extension}`,
    ]);
  });

  it('takes for Linux arm64 the OpenMP library too, which the wheel brings in a folder of its own', () => {
    expect(targetOf(machine('linux', 'arm64')).libraries[2]).toBe('tensorflow_cpu_aws.libs/libomp-54bf90fd.so.5');
  });

  it.each([
    [machine('win32', 'x64'), 'win32 x64'],
    [machine('linux', 'riscv64'), 'linux riscv64'],
    [machine('linux', 'x64', true), 'linux x64 with musl'],
  ])('says of another machine that WASM runs there', (unsupported, name) => {
    expect(() => targetOf(unsupported)).toThrow(
      `TensorFlow's native library is not available for this machine, ${name}: there is one for Linux with glibc and for macOS, x64 and arm64. The WASM engine runs here and needs nothing installed.`,
    );
  });
});
