import type {Answer, Detail, Json, Receipt, Teacher} from '../teacher.ts';
import type {ReplyLocation} from './journal/reply.ts';
import type {QueryDigest} from './key.ts';

/** A kept answer with all that is needed to list it, explain it and compute its key again. */
export interface StoredAnswer {
  readonly format: 1;
  readonly teacher: Pick<Teacher, 'name' | 'identity'>;
  readonly question: QueryDigest;
  /** The detail that the answer can serve. A top-k answer can name fewer classes than the k it was asked for. */
  readonly detail: Detail;
  readonly answer: Answer;
  /** ISO 8601. */
  readonly storedAt: string;
  /** The cost and the author that its reply reported. */
  readonly receipt?: Receipt;
  /** The location in the journal of the reply that it was read from. */
  readonly reply?: ReplyLocation;
  /** Its reader, see `Service.reader`; undefined for a teacher in this process. */
  readonly reader?: Json;
}
