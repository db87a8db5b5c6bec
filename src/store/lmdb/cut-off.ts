import {ftruncateSync} from 'node:fs';

/** Cuts off what a failed write left behind the end of a file, so that it isn't read and doesn't fill the disk. */
export function cutOff(file: number, length: number): void {
  try {
    ftruncateSync(file, length);
  } catch {
    // It is then overwritten later, or a torn line is skipped.
  }
}
