import type {Access} from './teacher.ts';

/** The levels of access, the one that shows least first. */
export const LEVELS: readonly Access[] = ['black-box', 'gray-box', 'white-box'];
