import {dirname, join} from 'node:path';

/** The default answer file. */
export const DEFAULT_CACHE = '.limbeck/answers';

/** True if a cache is the URL of a store; otherwise it is the path of a file. */
export function isStoreUrl(cache: string): boolean {
  return cache.includes('://');
}

/**
 * The path of a cache's journal: beside the answer file. A store with a URL has its journal beside the default file.
 */
export function journalOf(cache: string): string {
  return join(isStoreUrl(cache) ? dirname(DEFAULT_CACHE) : dirname(cache), 'journal');
}
