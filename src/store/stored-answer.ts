import type {Answer, Detail, Json, Receipt, Teacher} from '../teacher.ts';
import type {ReplyLocation} from './journal/reply.ts';
import type {QueryDigest} from './key.ts';

/** The origin of an answer that was asked for elsewhere and paid for there. */
export interface ImportedFrom {
  /** The path of the log, absolute. */
  readonly file: string;
  /** SHA-256 of the log's bytes, in hexadecimal. */
  readonly sha256: string;
  /** The line of its entry, or its row in Parquet, from 1. */
  readonly line: number;
  /** When it was answered, in ISO 8601, if the log says so. */
  readonly date?: string | undefined;
  /** The model that answered, if the log names it. */
  readonly model?: string | undefined;
}

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
  /** The log that it was imported from; undefined if it was asked for here. */
  readonly imported?: ImportedFrom;
  /** Its reader, see `Service.reader`; undefined for a teacher in this process. */
  readonly reader?: Json;
}
