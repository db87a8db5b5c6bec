import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach} from 'vitest';
import {type Asking, type AskingOptions, openAsking} from '../../../src/ask/asking.ts';

export interface AskingPlace {
  /** Opens the folder's answers and journal. Whoever opens them again closes them first. */
  open(options?: Partial<AskingOptions>): Promise<Asking>;
  /** The one that was opened last. */
  readonly asking: Asking;
}

/** A folder of each test's own to ask from; after the test what is open is closed, and the folder is gone. */
export function askingPlace(): AskingPlace {
  let folder: string;
  let asking: Asking;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-asking-'));
  });
  afterEach(async () => {
    await asking.close();
    await rm(folder, {recursive: true});
  });
  return {
    async open(options = {}) {
      asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal'), ...options});
      return asking;
    },
    get asking() {
      return asking;
    },
  };
}
