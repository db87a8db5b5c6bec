/** Waiting for servers, beside the contract. Types only. */
import type {Access, Service} from './teacher.ts';

/** A service whose requests can wait for a server that is still loading. */
export interface PatientService<A extends Access = Access> extends Service<A> {
  /** Says, before the first request, how requests wait. */
  waitFor?(patience: Patience): void;
}

/** How requests wait for a server that is still loading. Their failed attempts count for nothing. */
export interface Patience {
  /**
   * Milliseconds.
   *
   * @default as the teacher was made
   */
  readonly wait?: number | undefined;
  /** Receives a sentence when a wait begins. */
  readonly onWait: (note: string) => void;
}
