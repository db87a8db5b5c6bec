import {hash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {basename, extname} from 'node:path';
import {InputError} from '../errors.ts';
import {imageOf} from '../input-kinds.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {EncodedImage} from '../teacher.ts';
import {EXAMPLE_KINDS, type ExampleOptions, type ReadDataset, type ReadExample, readDataset} from './examples.ts';
import {unreadableFile} from './files.ts';
import {type FolderFile, filesIn, isFolder} from './texts/read.ts';

export interface ReadImagesOptions {
  /**
   * True if the subfolders right below the folder that is read name the labels of the images in them.
   *
   * @default true if every image is in such a subfolder
   */
  readonly folderLabels?: boolean | undefined;
  /** Gets sentences about what was left out. */
  readonly onNote?: ((note: string) => void) | undefined;
}

export interface ImageDatasetOptions extends ExampleOptions, ReadImagesOptions {}

const READING: Shape<ReadImagesOptions> = {folderLabels: kinds.flag, onNote: kinds.call};

/** An image as it was read. Its id is its path below the folder. */
export type ReadImage = ReadExample<EncodedImage>;

const ENDINGS = ['.png', '.jpg', '.jpeg', '.webp'];

/**
 * Reads the images of a folder and its subfolders one after the other, in the order of their names, or one file: PNG,
 * JPEG and WebP.
 *
 * @throws InputError if there are none, or a file with such a name is no image
 */
export async function* readImages(path: string, options: ReadImagesOptions = {}): AsyncGenerator<ReadImage> {
  checkOptions('readImages', options, READING);
  const {folderLabels, onNote} = options;
  if (!(await isFolder(path))) {
    yield* imageIn({path, id: basename(path), folder: undefined}, false);
    return;
  }
  const files: FolderFile[] = [];
  let others = 0;
  for await (const file of filesIn(path)) {
    if (ENDINGS.includes(extname(file.path).toLowerCase())) files.push(file);
    else others++;
  }
  if (files.length === 0) throw new InputError(`There are no images (${ENDINGS.join(', ')}) in ${path}.`);
  if (others > 0) onNote?.(`${path}: ${others} files are no images (${ENDINGS.join(', ')}), and are left out.`);
  const loose = files.find(({folder}) => folder === undefined);
  if (folderLabels && loose !== undefined) {
    throw new InputError(
      `${loose.path} is in no folder that names its label. Put it in one, or turn \`folderLabels\` off.`,
    );
  }
  const areLabelled = folderLabels ?? loose === undefined;
  for (const file of files) yield* imageIn(file, areLabelled);
}

async function* imageIn({path: file, id, folder}: FolderFile, isLabelled: boolean): AsyncGenerator<ReadImage> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw unreadableFile(file, cause);
  });
  const label = isLabelled ? folder : undefined;
  yield {value: imageOf(bytes, file), content: hash('sha256', bytes), label, id, file};
}

/**
 * Reads a task of images: a folder for all splits, or one for each. Subfolders name the labels. Without labels the
 * teacher's answers are used instead. The files stay in memory as they are, and each is decoded once, for the student.
 *
 * @throws InputError if the images can't be read or don't fit together
 * @example
 * ```ts
 * import {imageDataset} from 'limbeck/data';
 *
 * export const data = () => imageDataset({path: 'photos', classes: ['cat', 'dog']});
 * ```
 */
export function imageDataset(options: ImageDatasetOptions): Promise<ReadDataset> {
  checkOptions('imageDataset', options, {...EXAMPLE_KINDS, ...READING}, ['path']);
  const {folderLabels, onNote} = options;
  return readDataset(options, {
    kind: 'image',
    async *read(paths) {
      for (const [at, path] of paths.entries()) {
        for await (const example of readImages(path, {folderLabels, onNote})) yield {at, example};
      }
    },
    inputsOf: images => ({kind: 'image', count: images.length, images}),
  });
}
