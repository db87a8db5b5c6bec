import {EngineError} from '../../errors.ts';

/** A file of a Python package index. */
export interface Wheel {
  /** The project on the index. */
  readonly project: string;
  readonly version: string;
  /** The platform tag by which pip finds the file. */
  readonly tag: string;
  readonly file: string;
  /** SHA-256 of the file, in hexadecimal. A file once published on the index never changes. */
  readonly sha256: string;
  /** Size of the file. */
  readonly bytes: number;
}

/**
 * The wheel that carries TensorFlow's C library for one kind of machine, and the parts to take from it. Its version is
 * that of TensorFlow.
 */
export interface Target extends Wheel {
  /** `process.platform` and `process.arch`. */
  readonly machine: string;
  /** Paths of the shared libraries in the wheel. The binding is linked with the first two. */
  readonly libraries: readonly string[];
}

/** The properties of a machine that decide which library runs on it. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** True if its C library is not glibc, which the wheels for Linux need. */
  readonly isMusl: boolean;
}

/**
 * The wheel for a machine.
 *
 * @param machine - @default the one that runs this
 * @throws EngineError if there is none
 */
export function targetOf({platform, arch, isMusl}: Machine = thisMachine()): Target {
  const target = TARGETS.find(({machine}) => machine === `${platform}-${arch}`);
  if (target !== undefined && !isMusl) return target;
  const machine = `${platform} ${arch}${isMusl ? ' with musl' : ''}`;
  throw new EngineError(
    `TensorFlow's native library is not available for this machine, ${machine}: there is one for Linux with glibc and for macOS, x64 and arm64. The WASM engine runs here and needs nothing installed.`,
  );
}

function thisMachine(): Machine {
  const {platform, arch} = process;
  const {header} = process.report.getReport() as {readonly header: {readonly glibcVersionRuntime?: string}};
  return {platform, arch, isMusl: platform === 'linux' && header.glibcVersionRuntime === undefined};
}

const ON_LINUX = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
const ON_MACOS = ['tensorflow/libtensorflow_cc.2.dylib', 'tensorflow/libtensorflow_framework.2.dylib'];

const TARGETS: readonly Target[] = [
  {
    machine: 'linux-x64',
    project: 'tensorflow-cpu',
    version: '2.15.1',
    tag: 'manylinux2014_x86_64',
    file: 'tensorflow_cpu-2.15.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
    sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
    bytes: 207_208_420,
    libraries: ON_LINUX,
  },
  {
    machine: 'linux-arm64',
    project: 'tensorflow-cpu-aws',
    version: '2.15.1',
    tag: 'manylinux2014_aarch64',
    file: 'tensorflow_cpu_aws-2.15.1-cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64.whl',
    sha256: 'd4c3a3a9363bf42999adedbbd514e3a133be2d62f61fee9cfa46aaefb087c09e',
    bytes: 211_874_120,
    libraries: [...ON_LINUX, 'tensorflow_cpu_aws.libs/libomp-54bf90fd.so.5'],
  },
  {
    machine: 'darwin-arm64',
    project: 'tensorflow',
    version: '2.16.1',
    tag: 'macosx_12_0_arm64',
    file: 'tensorflow-2.16.1-cp311-cp311-macosx_12_0_arm64.whl',
    sha256: 'cc2065d1d27f9f89fea8a0fe8fdf6c437ae60987cd7f2928e0d00e532e79e44d',
    bytes: 227_025_225,
    libraries: ON_MACOS,
  },
  {
    machine: 'darwin-x64',
    project: 'tensorflow',
    version: '2.16.1',
    tag: 'macosx_10_15_x86_64',
    file: 'tensorflow-2.16.1-cp311-cp311-macosx_10_15_x86_64.whl',
    sha256: 'f8a5b83ca4bf1813da158f63479cfdf848c0761e5120258417b3a96074a489f5',
    bytes: 259_587_949,
    libraries: ON_MACOS,
  },
];
