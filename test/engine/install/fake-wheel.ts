import {createHash} from 'node:crypto';
import {crc32, deflateRawSync} from 'node:zlib';
import type {Target} from '../../../src/engine/install/target.ts';

/** A zip archive, as small as the format allows. */
export function zip(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const [parts, directory]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const [path, plain] = [Buffer.from(name), Buffer.from(content as Buffer)];
    const packed = deflateRawSync(plain);
    // Version, flags, method, time, date, checksum, sizes: the fields that both headers share.
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(8, 4);
    shared.writeUInt32LE(crc32(plain), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(plain.length, 18);
    shared.writeUInt16LE(path.length, 22);
    const location = Buffer.alloc(14);
    location.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), shared, location, path);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), shared, path, packed);
    offset += 30 + path.length + packed.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  const count = Object.keys(files).length;
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, entries, end]);
}

/** A wheel with two libraries, the headers of the C API, and much else. */
export const WHEEL: Buffer = zip({
  'tensorflow/__init__.py': 'raise SystemExit',
  'tensorflow/libtensorflow_cc.so.2': 'the library',
  'tensorflow/libtensorflow_framework.so.2': 'the framework',
  'tensorflow/include/tensorflow/c/c_api.h': '// C API',
  'tensorflow/include/tensorflow/c/eager/c_api.h': '// eager C API',
  'tensorflow/include/tensorflow/core/platform/ctstring.h': '// strings',
  'tensorflow/include/tsl/platform/ctstring_internal.h': '// more strings',
  'tensorflow/include/tensorflow/core/framework/tensor.h': '// not of the C API',
  'tensorflow/include/tensorflow/c/c_api.cc': '// no header',
});

/** The target of {@link WHEEL}. */
export const TARGET: Target = {
  machine: 'linux-x64',
  project: 'tensorflow-test',
  version: '2.0.0',
  tag: 'manylinux2014_x86_64',
  file: 'tensorflow_test-2.0.0-cp311-cp311-manylinux2014_x86_64.whl',
  sha256: sha256(WHEEL),
  bytes: WHEEL.length,
  libraries: ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'],
};

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
