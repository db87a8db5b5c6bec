import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import sharp from 'sharp';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {decodeImages, imageReadingFor} from '../../src/data/decode-images.ts';
import {imageDataset, readImages} from '../../src/data/images.ts';
import {imageOf} from '../../src/input-kinds.ts';

const filled = (width: number, height: number, background: string) =>
  sharp({create: {width, height, channels: 4, background}});
const png = async (width: number, height: number, background: string) =>
  imageOf(await filled(width, height, background).png().toBuffer(), 'It');

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-images-'));
  for (const [name, colour] of [
    ['warm', 'rgb(255,0,'],
    ['cold', 'rgb(0,0,'],
  ] as const) {
    await mkdir(join(folder, 'set', name), {recursive: true});
    for (let index = 0; index < 10; index++) {
      const {bytes} = await png(8, 8, `${colour}${100 + index})`);
      await writeFile(join(folder, 'set', name, `${index}.PNG`), bytes);
    }
  }
  await writeFile(join(folder, 'set', 'warm', 'again.png'), (await png(8, 8, 'rgb(255,0,100)')).bytes);
  await writeFile(join(folder, 'set', 'notes.md'), 'Ten of each.');
  await mkdir(join(folder, 'bad'));
  await writeFile(join(folder, 'bad', 'cat.jpg'), 'GIF89a');
});
afterAll(() => rm(folder, {recursive: true}));

describe('readImages', () => {
  it('reads a folder in the order of names, with subfolders as labels, and says what it leaves out', async () => {
    const notes: string[] = [];
    const read = await all(readImages(join(folder, 'set'), {onNote: note => notes.push(note)}));
    expect(read).toHaveLength(21);
    expect(read[0]).toMatchObject({label: 'cold', id: 'cold/0.PNG', value: {mediaType: 'image/png'}});
    expect(notes).toEqual([expect.stringContaining('1 files are no images')]);
    const [first] = await all(readImages(join(folder, 'set'), {folderLabels: false}));
    expect(first!.label).toBeUndefined();
  });

  it('reads one file', async () => {
    const read = await all(readImages(join(folder, 'set/warm/3.PNG')));
    expect(read.map(({id}) => id)).toEqual(['3.PNG']);
  });

  it('names a file that is no image, and a folder that has none', async () => {
    await expect(all(readImages(join(folder, 'bad')))).rejects.toThrow(/cat\.jpg is no PNG, JPEG or WebP/);
    await mkdir(join(folder, 'empty'));
    await expect(all(readImages(join(folder, 'empty')))).rejects.toThrow('There are no images');
    await expect(all(readImages(join(folder, 'nowhere')))).rejects.toThrow("Can't read");
  });
});

describe('imageDataset', () => {
  it('draws splits by class and keeps one of two files with the same bytes', async () => {
    const data = await imageDataset({path: join(folder, 'set'), test: 4, validation: 2});
    expect(data.classes).toEqual(['cold', 'warm']);
    expect(data.card).toMatchObject({
      ...{kind: 'image', read: 21, duplicates: 1, splits: {train: 14, validation: 2, test: 4}},
      labels: {test: {cold: 2, warm: 2}},
    });
  });
});

describe('decodeImages', () => {
  const reading = {kind: 'image', height: 2, width: 2, channels: 3} as const;

  it('gives the pixels of every type, scaled, in colour or grey', async () => {
    const image = filled(40, 20, 'rgb(200,100,50)');
    const files = [await image.clone().png().toBuffer(), await image.clone().webp({lossless: true}).toBuffer()];
    const {shape, data} = await decodeImages(
      files.map(bytes => imageOf(bytes, 'It')),
      reading,
    );
    expect(shape).toEqual([2, 2, 3]);
    expect([...data]).toEqual(Array(8).fill([200, 100, 50]).flat());
    const jpeg = imageOf(await image.clone().flatten().jpeg({quality: 100}).toBuffer(), 'It');
    const decoded = await decodeImages([jpeg], reading);
    expect(Math.abs(decoded.data[0]! - 200)).toBeLessThan(4);
    const grey = await decodeImages([imageOf(files[0]!, 'It')], {...reading, channels: 1});
    expect(grey.shape).toEqual([2, 2, 1]);
    expect(new Set(grey.data).size).toBe(1);
  });

  it('lays transparent parts on white, and cuts the middle out', async () => {
    const clear = await decodeImages([await png(4, 4, 'rgba(0,0,0,0)')], reading);
    expect([...clear.data]).toEqual(Array(12).fill(255));
    const middle = await filled(4, 4, 'red').png().toBuffer();
    const wide = await filled(40, 4, 'blue')
      .composite([{input: middle, gravity: 'centre'}])
      .png()
      .toBuffer();
    const cut = await decodeImages([imageOf(wide, 'It')], {...reading, height: 4, width: 4});
    expect([...cut.data.subarray(0, 3)]).toEqual([255, 0, 0]);
  });

  it('says which image can not be decoded', async () => {
    const broken = imageOf(Buffer.from('89504e470d0a1a0a00', 'hex'), 'It');
    await expect(decodeImages([broken], reading)).rejects.toThrow(/An image can't be decoded.*It has 9 bytes/s);
    await expect(imageReadingFor([broken])).rejects.toThrow("An image can't be decoded");
  });
});

describe('imageReadingFor', () => {
  it('takes small images as they are, and makes others 32 × 32', async () => {
    expect(await imageReadingFor([await png(12, 10, 'red'), await png(12, 10, 'blue')])).toEqual({
      ...{kind: 'image', height: 10, width: 12, channels: 3},
    });
    expect(await imageReadingFor([await png(12, 10, 'red'), await png(10, 12, 'blue')])).toMatchObject({
      height: 32,
      width: 32,
    });
    expect(await imageReadingFor([await png(300, 300, 'red')])).toMatchObject({height: 32, width: 32});
  });

  it('takes grey images as grey, and what it is told', async () => {
    const grey = imageOf(await filled(8, 8, 'rgb(9,9,9)').flatten().toColourspace('b-w').png().toBuffer(), 'It');
    expect(await imageReadingFor([grey])).toMatchObject({channels: 1});
    expect(await imageReadingFor([grey], {channels: 3, height: 5, width: 6})).toEqual({
      ...{kind: 'image', height: 5, width: 6, channels: 3},
    });
    await expect(imageReadingFor([grey], {height: 0})).rejects.toThrow('Expected `height`');
  });
});
