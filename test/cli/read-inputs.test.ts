import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {beforeAll, describe, expect, it} from 'vitest';
import {readInputs} from '../../src/cli/read-inputs.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Student} from '../../src/student/student.ts';
import type {TensorInput} from '../../src/teacher.ts';
import {folders} from '../study/tiny.ts';

const newFolder = folders();
let folder: string;

beforeAll(async () => {
  await startEngine();
  folder = await newFolder('inputs');
});

function student(dtype: TensorInput['dtype'] = 'uint8', inputShape: readonly number[] = [2, 2, 1]): Student {
  return mlp({units: [2]})({classes: ['a', 'b'], inputShape, preprocessing: {}, dtype}, 1);
}

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** An IDX file of unsigned bytes. */
function idx(shape: readonly number[], bytes: readonly number[]): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.writeUInt16BE(0x0800 + shape.length, 2);
  for (const [axis, length] of shape.entries()) head.writeUInt32BE(length, 4 + 4 * axis);
  return Buffer.concat([head, Buffer.from(bytes)]);
}

const two = [1, 2, 3, 4, 5, 6, 7, 255];

describe('readInputs', () => {
  const expected = {kind: 'tensor', dtype: 'uint8', shape: [2, 2, 1], count: 2, data: Uint8Array.from(two)};

  it('reads an IDX file, plain or gzipped, whatever it is called', async () => {
    expect(await readInputs(await file('images', idx([2, 2, 2], two)), student())).toEqual(expected);
    expect(await readInputs(await file('images.jsonl', gzipSync(idx([2, 2, 2], two))), student())).toEqual(expected);
  });

  it('reads JSON lines, an input a line, flat or nested, blank lines left out', async () => {
    const lines = '[1,2,3,4]\n\n[[[5],[6]],[[7],[255]]]\r\n';
    expect(await readInputs(await file('lines', lines), student())).toEqual(expected);
  });

  it('reads the type that the student takes', async () => {
    const path = await file('floats', '[0.5, -1, 2e3, 4]');
    const read = await readInputs(path, student('float32'));
    expect(read).toMatchObject({dtype: 'float32', data: Float32Array.of(0.5, -1, 2000, 4)});
    const whole = await readInputs(await file('whole', '[1, -70000, 3, 4]'), student('int32'));
    expect(whole).toMatchObject({dtype: 'int32', data: Int32Array.of(1, -70_000, 3, 4)});
  });

  it('takes an empty file for no inputs', async () => {
    expect(await readInputs(await file('empty', ''), student())).toMatchObject({count: 0});
  });

  it.each([
    ['[1,2,3,4]\n[1,2,3', /line 2: not JSON\. Write one array of numbers on each line/],
    ['{"input": [1,2,3,4]}', /line 1: expected 4 numbers \(\[2,2,1\]\), got 0/],
    ['\n[1,2,3]', /line 2: expected 4 numbers \(\[2,2,1\]\), got 3/],
    ['[1,2,3,4,5]', /line 1: expected 4 numbers .*got 5/],
    ['[1,2,"3",4]', /line 1: value 2 is "3", but the student takes a whole number from 0 to 255/],
    ['[1,null,3,4]', /line 1: value 1 is null/],
    // A typed array would make 0 of these, and the student would answer something.
    ['[0.1,0.5,0.9,1]', /line 1: value 0 is 0\.1, .*whole number from 0 to 255/],
    ['[1,2,3,256]', /line 1: value 3 is 256/],
    ['[1,2,3,-1]', /line 1: value 3 is -1/],
  ])('refuses the lines %j and says which and why', async (lines, said) => {
    const path = await file('bad', lines);
    const reading = readInputs(path, student());
    await expect(reading).rejects.toThrow(InputError);
    await expect(reading).rejects.toThrow(said);
    await expect(reading).rejects.toThrow(path);
  });

  it('refuses an IDX file of another shape, and one that is damaged', async () => {
    const other = await file('other', idx([2, 3, 2], [...two, 1, 2, 3, 4]));
    await expect(readInputs(other, student())).rejects.toThrow(
      /other holds values of shape \[3,2\], .*takes \[2,2,1\]/,
    );
    const cut = await file('cut', idx([2, 2, 2], two.slice(1)));
    await expect(readInputs(cut, student())).rejects.toThrow(InputError);
    const zipped = await file('zipped', gzipSync('[1,2,3,4]'));
    await expect(readInputs(zipped, student())).rejects.toThrow(/zipped is not an IDX file/);
  });

  it('refuses what is not there, or is a folder', async () => {
    await expect(readInputs(join(folder, 'missing'), student())).rejects.toThrow(/Can't read .*missing/);
    const reading = readInputs(folder, student());
    await expect(reading).rejects.toThrow(InputError);
    await expect(reading).rejects.toThrow(/Check that it is a file/);
  });
});
