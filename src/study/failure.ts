import {LimbeckError} from '../errors.ts';
import type {Study} from './study.ts';

/** Why a training came to nothing. */
export interface Failure {
  readonly failure: string;
}

/** What a training may fail of is an outcome; an abort, and a fault of the program's own, end the study. */
export function failureOf({signal}: Pick<Study, 'signal'>): (error: unknown) => Failure {
  return error => {
    signal?.throwIfAborted();
    if (error instanceof LimbeckError) return {failure: error.message};
    throw error;
  };
}
