import type {Access} from './teacher.ts';

/** The level that a method learns from; `none` for true labels. */
export type Level = 'none' | Access;

/** The levels of access, from the one that shows least. */
export const LEVELS: readonly Access[] = ['black-box', 'gray-box', 'white-box'];
