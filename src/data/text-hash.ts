/** The part of a text that is read. Each run of white space becomes one space, and each end gets one. */
export function normalise(text: string, length: number): string {
  const read = text.slice(0, length).normalize('NFKC').toLowerCase();
  return ` ${read.replace(/\s+/g, ' ').trim()} `;
}

const PRIME = 0x01000193;

/** The offset basis of FNV-1a. */
export const OFFSET = 0x811c9dc5;

/** FNV-1a over UTF-16 code units. */
export function hashOf(word: string, offset: number = OFFSET): number {
  let hash = offset;
  for (let index = 0; index < word.length; index++) hash = stepped(hash, word.charCodeAt(index));
  return hash;
}

/** Adds one value to a hash. */
export function stepped(hash: number, value: number): number {
  return Math.imul(hash ^ value, PRIME);
}

/** Spreads a hash over all of its 32 bits, by the finalizer of MurmurHash3. */
export function finished(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
