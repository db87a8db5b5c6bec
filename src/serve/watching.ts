import {type StandingChange, Watch, type WatchedPromise} from './watch.ts';
import {WatchFile} from './watch-file.ts';

export interface WatchingOptions {
  readonly promise: WatchedPromise;
  /**
   * The file by which the watch outlives its process.
   *
   * @default a restart forgets it
   */
  readonly path?: string | undefined;
  /** All that makes it another student, teacher or promise where it changes. */
  readonly subject: unknown;
  readonly onChange: (change: StandingChange) => void;
  readonly onTrouble: (error: Error) => void;
}

/** A watch whose state is kept. */
export interface Watching {
  readonly watch: Watch;
  /** See `Watch.add`. */
  add(isBroken: boolean): void;
  /** Resolves when all is on disk. */
  close(): Promise<void>;
}

/** @throws InputError where the promise is none, or the file holds something else; KnowledgeError where it can't be written */
export async function openWatching({promise, path, subject, onChange, onTrouble}: WatchingOptions): Promise<Watching> {
  const file = path === undefined ? undefined : await WatchFile.open(path, subject, onTrouble);
  const watch = new Watch(promise, file?.state, change => {
    file?.keep(watch, true);
    onChange(change);
  });
  return {
    watch,
    add(isBroken) {
      watch.add(isBroken);
      file?.keep(watch);
    },
    close: async () => file?.close(watch),
  };
}
