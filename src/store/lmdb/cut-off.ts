import {ftruncateSync} from 'node:fs';

/** Takes away what a failed write left behind the end of a file, so that it isn't read, and fills no disk. */
export function cutOff(file: number, length: number): void {
  try {
    ftruncateSync(file, length);
  } catch {
    // Then it is overwritten later, or a torn line is skipped.
  }
}
