import {type FileHandle, open, readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, oneOf} from '../options.ts';
import type {Examples} from './split.ts';

export interface CifarFolder {
  /** Folder with the unpacked files of the binary version of CIFAR-10 or CIFAR-100. */
  readonly folder: string;
  /**
   * The label that is read from CIFAR-100: one of 100 classes or one of 20 superclasses. CIFAR-10 has only one label.
   *
   * @default 'fine'
   */
  readonly labels?: 'fine' | 'coarse';
}

export interface Cifar {
  /** In the order of the labels. */
  readonly classes: readonly string[];
  /** 50,000 images [32, 32, 3] of bytes, in the whole sets. */
  readonly train: Examples;
  /** 10,000 images. */
  readonly test: Examples;
}

/** The contents of the archive of one set. */
interface Form {
  readonly name: string;
  readonly archive: string;
  readonly train: readonly string[];
  readonly test: string;
  /** Files of class names, in the order of the labels before an image. */
  readonly names: readonly string[];
  /** Images in each file of training images. */
  readonly trainImages: number;
}

const PAGE = 'https://www.cs.toronto.edu/~kriz/cifar.html';
const SIDE = 32;
const PIXELS = SIDE * SIDE;
const IMAGE = 3 * PIXELS;
const TEST_IMAGES = 10_000;
/** Images that are read at once: 3 MB. */
const BLOCK = 1000;

const forms: readonly Form[] = [
  {
    name: 'CIFAR-10',
    archive: 'cifar-10-binary.tar.gz',
    train: [1, 2, 3, 4, 5].map(batch => `data_batch_${batch}.bin`),
    test: 'test_batch.bin',
    names: ['batches.meta.txt'],
    trainImages: 10_000,
  },
  {
    name: 'CIFAR-100',
    archive: 'cifar-100-binary.tar.gz',
    train: ['train.bin'],
    test: 'test.bin',
    names: ['coarse_label_names.txt', 'fine_label_names.txt'],
    trainImages: 50_000,
  },
];

/**
 * Reads the binary version of CIFAR-10 or CIFAR-100, whichever the folder holds: records of a label, or a coarse and a
 * fine one, and the red, green and blue plane of an image. Files may hold fewer records than the originals.
 *
 * Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
 *
 * @throws InputError that names the file that is missing, cut short or wrong, or if to get it
 */
export async function readCifar(options: CifarFolder): Promise<Cifar> {
  checkOptions('readCifar', options, {folder: kinds.text, labels: oneOf('fine', 'coarse')}, ['folder']);
  const {folder, labels = 'fine'} = options;
  const form = await formOf(folder);
  const index = labels === 'fine' ? form.names.length - 1 : 0;
  if (labels === 'coarse' && form.names.length < 2) {
    throw new InputError(`${form.name} has no coarse labels. Leave \`labels\` out.`);
  }
  const classes = await readNames(join(folder, form.names[index]!), form);
  const reading = {form, index, classes};
  const paths = form.train.map(name => join(folder, name));
  return {
    classes,
    train: await readImages(paths, {...reading, images: form.trainImages}),
    test: await readImages([join(folder, form.test)], {...reading, images: TEST_IMAGES}),
  };
}

/** The set that a folder holds. */
async function formOf(folder: string): Promise<Form> {
  const held = await readdir(folder).catch(cause => {
    throw new InputError(`Can't read the folder ${folder}. Check that it exists and may be read.`, {cause});
  });
  const found = forms.filter(({train, test, names}) => [...train, test, ...names].some(name => held.includes(name)));
  if (found.length === 1) return found[0]!;
  if (found.length === 2)
    throw new InputError(`${folder} holds files of both CIFAR-10 and CIFAR-100. Keep them apart.`);
  const wanted = forms.map(({name, train, test}) => `${[...train, test].join(', ')} (${name})`).join(', or ');
  throw new InputError(
    `${folder} holds no binary version of CIFAR. It should hold ${wanted}. Get an archive from ${PAGE}, unpack it, and ` +
      'name the folder in it.',
  );
}

async function readNames(path: string, form: Form): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(cause => {
    throw missing(path, 'with a class name in each line', {form, cause});
  });
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}

interface Reading {
  readonly form: Form;
  /** Index of the label that is read, among the bytes before an image. */
  readonly index: number;
  readonly classes: readonly string[];
  /** Number of images in each of the original files. */
  readonly images: number;
}

interface ImageFile {
  readonly path: string;
  readonly file: FileHandle;
  readonly count: number;
}

/** All images of some files, one after another. */
async function readImages(paths: readonly string[], reading: Reading): Promise<Examples> {
  const files: ImageFile[] = [];
  try {
    for (const path of paths) files.push(await openImages(path, reading));
    const count = files.reduce((total, file) => total + file.count, 0);
    const data = new Uint8Array(count * IMAGE);
    const labels = new Int32Array(count);
    let first = 0;
    for (const imageFile of files) {
      const end = first + imageFile.count;
      const target = {data: data.subarray(first * IMAGE, end * IMAGE), labels: labels.subarray(first, end)};
      await readRecords(imageFile, target, reading);
      first = end;
    }
    return {inputs: {kind: 'tensor', dtype: 'uint8', shape: [SIDE, SIDE, 3], count, data}, labels};
  } finally {
    for (const {file} of files) await file.close();
  }
}

async function openImages(path: string, {form, images}: Reading): Promise<ImageFile> {
  const record = recordOf(form);
  const whole = bytes(images * record);
  const file = await open(path).catch(cause => {
    throw missing(path, `of ${whole}`, {form, cause});
  });
  const {size} = await file.stat();
  if (size > 0 && size % record === 0) return {path, file, count: size / record};
  await file.close();
  throw new InputError(
    `${path} has ${bytes(size)}, which is not a whole number of images of ${bytes(record)}; the original has ${whole}. ` +
      `Get ${form.archive} from ${PAGE} again.`,
  );
}

interface Target {
  readonly data: Uint8Array;
  readonly labels: Int32Array;
}

/** Reads block by block, so that it takes no more memory than the images do. */
async function readRecords(
  {path, file}: ImageFile,
  {data, labels}: Target,
  {form, index, classes}: Reading,
): Promise<void> {
  const record = recordOf(form);
  const block = Buffer.allocUnsafe(Math.min(BLOCK, labels.length) * record);
  for (let first = 0; first < labels.length; first += BLOCK) {
    const images = Math.min(BLOCK, labels.length - first);
    await readWhole(file, block.subarray(0, images * record), path);
    for (let image = 0; image < images; image++) {
      const start = image * record;
      const label = block[start + index]!;
      if (label >= classes.length) {
        throw new InputError(
          `Image ${first + image} of ${path} has the label ${label}, but there are ${classes.length} class names. ` +
            `Get ${form.archive} from ${PAGE} again.`,
        );
      }
      labels[first + image] = label;
      interleave(block, start + form.names.length, data, (first + image) * IMAGE);
    }
  }
}

async function readWhole(file: FileHandle, target: Uint8Array, path: string): Promise<void> {
  for (let read = 0; read < target.length; ) {
    const {bytesRead} = await file.read(target, read, target.length - read);
    if (bytesRead === 0) throw new InputError(`${path} became shorter while it was read. Read it again.`);
    read += bytesRead;
  }
}

/** Turns three planes into pixels of three channels. */
function interleave(planes: Uint8Array, from: number, pixels: Uint8Array, to: number): void {
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    const target = to + 3 * pixel;
    pixels[target] = planes[from + pixel]!;
    pixels[target + 1] = planes[from + PIXELS + pixel]!;
    pixels[target + 2] = planes[from + 2 * PIXELS + pixel]!;
  }
}

/** Number of bytes of an image with its labels. */
function recordOf({names}: Form): number {
  return names.length + IMAGE;
}

function bytes(count: number): string {
  return `${count.toLocaleString('en-GB')} bytes`;
}

function missing(
  path: string,
  what: string,
  {form, cause}: {readonly form: Form; readonly cause: unknown},
): InputError {
  return new InputError(
    `Can't read ${path}, a file of ${form.name} ${what}. Get ${form.archive} from ${PAGE} and unpack it.`,
    {cause},
  );
}
