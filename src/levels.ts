import type {Access} from './teacher.ts';

/** The levels of access, from the one that shows least. */
export const LEVELS: readonly Access[] = ['black-box', 'gray-box', 'white-box'];
