import {existsSync} from 'node:fs';
import {InputError} from '../../errors.ts';
import {isStoreUrl} from '../../store/cache-path.ts';
import {type AnswerStore, openStoreAt} from '../../store/store.ts';

/** The flags of every `limbeck cache` command. */
export interface CacheFlags {
  readonly cache: string;
  readonly json?: boolean;
}

/**
 * Opens the store that the flags name, for as long as it is used.
 *
 * @throws InputError if there is none, because reading a cache never creates it
 */
export async function withStore(cache: string, use: (store: AnswerStore) => Promise<void>): Promise<void> {
  if (!isStoreUrl(cache) && !existsSync(cache)) {
    throw new InputError(`There is no cache at ${cache}. Give its path with --cache.`);
  }
  await withNewStore(cache, use);
}

/** Opens the store, and creates it if there is none. */
export async function withNewStore(cache: string, use: (store: AnswerStore) => Promise<void>): Promise<void> {
  const store = openStoreAt(cache);
  try {
    await use(store);
  } finally {
    await store.close();
  }
}
