/** A picture as browsers hold it: four bytes per pixel, red, green, blue and alpha. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}

/** The input of a student of images. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3 | 4;
}

/**
 * A picture as raw bytes [height, width, channels]: its middle, cut to the wanted proportions. Each value is the mean
 * of the pixels that it covers. One channel is the luma of ITU-R BT.601. Without an alpha channel the background is
 * white.
 */
export function bytesOf(pixels: Pixels, shape: ImageShape, invert: boolean): Uint8Array {
  const {height, width, channels} = shape;
  const scale = Math.min(pixels.width / width, pixels.height / height);
  const rows = spans(height, scale, pixels.height);
  const columns = spans(width, scale, pixels.width);
  const bytes = new Uint8Array(height * width * channels);
  let index = 0;
  for (const row of rows) {
    for (const column of columns) {
      const [red, green, blue, alpha] = meanOf(pixels, row, column, channels < 4);
      const values = channels === 1 ? [0.299 * red + 0.587 * green + 0.114 * blue] : [red, green, blue];
      for (const value of values) bytes[index++] = Math.round(invert ? 255 - value : value);
      if (channels === 4) bytes[index++] = Math.round(alpha);
    }
  }
  return bytes;
}

/** Turns raw bytes into a picture, so that people see what the student sees. */
export function pictureOf(bytes: Uint8Array, {height, width, channels}: ImageShape): Uint8ClampedArray {
  const data = new Uint8ClampedArray(height * width * 4);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let part = 0; part < 4; part++) {
      const isGiven = part < 3 || channels === 4;
      data[pixel * 4 + part] = isGiven ? bytes[pixel * channels + (channels === 1 ? 0 : part)]! : 255;
    }
  }
  return data;
}

/** A range of positions along an axis. */
type Span = readonly [from: number, to: number];

/** `count` spans of equal length, in the middle of an axis. */
function spans(count: number, scale: number, length: number): Span[] {
  const start = (length - count * scale) / 2;
  return Array.from({length: count}, (_, index) => [start + index * scale, start + (index + 1) * scale]);
}

type Colour = readonly [red: number, green: number, blue: number, alpha: number];

function meanOf({width, data}: Pixels, rows: Span, columns: Span, onWhite: boolean): Colour {
  const sums: [number, number, number, number] = [0, 0, 0, 0];
  let total = 0;
  for (const [y, high] of covered(rows)) {
    for (const [x, wide] of covered(columns)) {
      const index = 4 * (y * width + x);
      const share = high * wide;
      const opacity = onWhite ? data[index + 3]! / 255 : 1;
      for (let part = 0; part < 3; part++) {
        sums[part]! += share * (opacity * data[index + part]! + (1 - opacity) * 255);
      }
      sums[3] += share * data[index + 3]!;
      total += share;
    }
  }
  return sums.map(sum => sum / total) as [number, number, number, number];
}

/** The pixels that a span covers, with the covered share of each. */
function* covered([from, to]: Span): Generator<readonly [pixel: number, share: number]> {
  for (let pixel = Math.floor(from); pixel < to; pixel++) {
    const share = Math.min(to, pixel + 1) - Math.max(from, pixel);
    // A smaller share is only a rounding error, and its pixel can be outside the picture.
    if (share > 1e-6) yield [pixel, share];
  }
}
