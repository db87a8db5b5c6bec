import {readFileSync} from 'node:fs';
import {gunzipSync} from 'node:zlib';

export const SEEDS = 60;
export const IMAGES = 10_000;

/** One method's students: [seed][image], 1 if the student gives the teacher's class. */
export type Students = readonly Uint8Array[];

/**
 * Students like the demo's: by labels, by log-probabilities, by logits and a feature hint, of the same 60 seeds. See
 * `test/fixtures/verdicts/make-students.ts`.
 */
export function readStudents(): readonly [Students, Students, Students] {
  const bytes = gunzipSync(readFileSync(new URL('../../fixtures/verdicts/students.bin.gz', import.meta.url)));
  const bit = (index: number): number => (bytes[index >> 3]! >> (7 - (index & 7))) & 1;
  const method = (position: number): Students =>
    Array.from({length: SEEDS}, (_, seed) =>
      Uint8Array.from({length: IMAGES}, (_, image) => bit((position * SEEDS + seed) * IMAGES + image)),
    );
  return [method(0), method(1), method(2)];
}
