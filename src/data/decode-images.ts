import {hash} from 'node:crypto';
import {InputError} from '../errors.ts';
import {loadPeer} from '../peer.ts';
import type {EncodedImage} from '../teacher.ts';
import {sizeOf, type TensorInputs} from './inputs.ts';
import {checkImageReading, type ImageReading} from './reading.ts';

/** The images as pixels, uint8 [count, height, width, channels]. The last ones are kept and not decoded again. */
export async function decodeImages(
  images: readonly EncodedImage[],
  {height, width, channels}: ImageReading,
  signal?: AbortSignal,
): Promise<TensorInputs> {
  const shape = [height, width, channels];
  const size = sizeOf(shape);
  const data = new Uint8Array(images.length * size);
  for (let start = 0; start < images.length; start += AT_ONCE) {
    signal?.throwIfAborted();
    const some = images.slice(start, start + AT_ONCE);
    const decoded = await Promise.all(some.map(image => keptPixels(image, shape)));
    for (const [index, pixels] of decoded.entries()) data.set(pixels, (start + index) * size);
  }
  return {kind: 'tensor', dtype: 'uint8', shape, count: images.length, data};
}

/** Images that are decoded at the same time: enough for all threads, and few files in memory. */
const AT_ONCE = 64;
/** Bytes of pixels that are kept. */
const MOST_KEPT = 2 ** 28;

const kept = new Map<string, Promise<Uint8Array>>();
let keptBytes = 0;

/** By content, because a file is often read again: for each epoch if the knowledge stays on disk. */
function keptPixels({bytes}: EncodedImage, shape: readonly number[]): Promise<Uint8Array> {
  const key = `${shape.join()} ${hash('sha256', bytes)}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const made = decode(bytes, shape);
  kept.set(key, made);
  keptBytes += sizeOf(shape);
  for (const [oldest] of kept) {
    if (keptBytes <= MOST_KEPT || oldest === key) break;
    forget(oldest);
  }
  made.catch(() => forget(key));
  return made;
}

function forget(key: string): void {
  const [shape = ''] = key.split(' ');
  if (kept.delete(key)) keptBytes -= sizeOf(shape.split(',').map(Number));
}

/** @throws InputError if it can't be decoded */
async function decode(bytes: Uint8Array, [height, width, channels]: readonly number[]): Promise<Uint8Array> {
  const {default: sharp} = await sharpPackage();
  const image = sharp(bytes).autoOrient().flatten({background: '#fff'});
  const coloured = image.toColourspace(channels === 1 ? 'b-w' : 'srgb');
  try {
    return await coloured.resize(width!, height!, {fit: 'cover'}).raw().toBuffer();
  } catch (cause) {
    throw undecodable(bytes, cause);
  }
}

function undecodable(bytes: Uint8Array, cause: unknown): InputError {
  const which = `It has ${bytes.length} bytes, and the SHA-256 ${hash('sha256', bytes)}.`;
  const problem = `An image can't be decoded: ${(cause as Error).message}.`;
  return new InputError(`${problem} Make it anew, or leave it out. ${which}`, {cause});
}

/** The parts of `sharp` that are used. */
interface Sharp {
  autoOrient(): Sharp;
  flatten(options: {readonly background: string}): Sharp;
  toColourspace(space: 'b-w' | 'srgb'): Sharp;
  resize(width: number, height: number, options: {readonly fit: 'cover'}): Sharp;
  raw(): {toBuffer(): Promise<Buffer>};
  metadata(): Promise<{
    readonly autoOrient: {readonly width: number; readonly height: number};
    readonly space?: string;
  }>;
}

function sharpPackage(): Promise<{readonly default: (bytes: Uint8Array) => Sharp}> {
  return loadPeer('sharp', 'Decoding images');
}

/** How the images that a student learns from become its numbers. */
export type ImageReadingOptions = Partial<Omit<ImageReading, 'kind'>>;

/** Images that are looked at. */
const LOOKED_AT = 100;
/** A side that is taken as it is, and the one that larger images get. */
const [SMALL, SIDE] = [64, 32];

/**
 * The reading of images for students.
 *
 * @param images - those of the training, which give the defaults: their own size if all have the same and are small,
 * else 32 × 32; one channel if all are grey
 */
export async function imageReadingFor(
  images: readonly EncodedImage[],
  given: ImageReadingOptions = {},
): Promise<ImageReading> {
  const {default: sharp} = await sharpPackage();
  const seen = await Promise.all(
    images.slice(0, LOOKED_AT).map(async ({bytes}) => {
      try {
        return await sharp(bytes).metadata();
      } catch (cause) {
        throw undecodable(bytes, cause);
      }
    }),
  );
  const {height = SIDE, width = SIDE} = seen[0]?.autoOrient ?? {};
  const isAlike =
    Math.max(height, width) <= SMALL && seen.every(({autoOrient: own}) => own.height === height && own.width === width);
  const isGrey = seen.length > 0 && seen.every(({space}) => space === 'b-w');
  const reading: ImageReading = {
    kind: 'image',
    height: given.height ?? (isAlike ? height : SIDE),
    width: given.width ?? (isAlike ? width : SIDE),
    channels: given.channels ?? (isGrey ? 1 : 3),
  };
  checkImageReading(reading);
  return reading;
}
