/** How much longer data may be than its gzip: images and texts are rarely 20 times as long. */
const MOST_TIMES = 200;
/** Bytes that may come out of any gzip. */
const ALWAYS = 2 ** 26;

/** How many bytes may come out of a gzip of so many. A file made to fill the memory is up to 1,032 times as long. */
export function unzippedLimit(bytes: number): number {
  return Math.max(ALWAYS, MOST_TIMES * bytes);
}
