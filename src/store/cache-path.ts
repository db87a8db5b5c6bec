import {dirname, join} from 'node:path';

/** The file of answers that is used unless another is named. */
export const DEFAULT_CACHE = '.limbeck/answers';

/** Whether a cache is named by the URL of a store; else it is the path of a file. */
export function isStoreUrl(cache: string): boolean {
  return cache.includes('://');
}

/** The path of a cache's journal: beside the file of answers. A store that is reached by a URL has it beside the default file. */
export function journalOf(cache: string): string {
  return join(isStoreUrl(cache) ? dirname(DEFAULT_CACHE) : dirname(cache), 'journal');
}
