/** How many times as long as its gzip data is allowed to be. Images and texts are rarely 20 times as long. */
const MOST_TIMES = 200;
/** Number of bytes that any gzip is allowed to unpack to. */
const ALWAYS = 2 ** 26;

/** Most bytes that a gzip of `bytes` is allowed to unpack to. A file made to fill the memory grows up to 1,032-fold. */
export function unzippedLimit(bytes: number): number {
  return Math.max(ALWAYS, MOST_TIMES * bytes);
}
