import {TeacherError} from '../../../src/errors.ts';
import type {BatchLane, BatchResult, BatchService, BatchState} from '../../../src/service-features.ts';
import type {Reply, Teacher} from '../../../src/teacher.ts';
import {numberOf} from '../fake-teacher.ts';
import {labels, type PayingTeacher, payingTeacher} from '../paying-teacher.ts';

/** A batch that the service has. */
export interface TakenBatch {
  readonly id: string;
  readonly name: string;
  readonly ids: readonly string[];
  readonly numbers: readonly number[];
  /** Looks until it has ended. */
  looks: number;
  failure?: Error;
  isCancelled?: boolean;
}

/** The outcome of the request about a number; undefined for none. */
export type RespondInBatch = (number: number, batch: number) => Reply | Error | undefined;

export interface BatchingTeacher extends PayingTeacher {
  readonly service: BatchService<'black-box'> & {readonly lane: BatchLane};
  /** In the order in which they were submitted. */
  readonly batches: TakenBatch[];
}

export interface BatchingOptions {
  readonly respond?: RespondInBatch;
  readonly teacher?: PayingTeacher;
  /** How often a batch is looked at before it has ended. */
  readonly looks?: number;
  readonly lane?: Partial<BatchLane>;
}

/** A paying teacher that also takes batches, and gives their replies in the reverse order. */
export function batchingTeacher({
  respond = number => labels([number]),
  teacher = payingTeacher(),
  looks = 1,
  lane: changes = {},
}: BatchingOptions = {}): BatchingTeacher {
  const batches: TakenBatch[] = [];
  const named = (id: string): TakenBatch => {
    const batch = batches.find(other => other.id === id);
    if (batch === undefined) throw new TeacherError('a payer', 'It answered 404.', {status: 404});
    return batch;
  };
  const lane: BatchLane = {
    maxRequests: 100,
    maxBytes: 100_000,
    priceShare: 0.5,
    lineOf: (id, query) => JSON.stringify({id, number: numberOf(query)}),
    async submit({name, lines}) {
      const parsed = lines.map(line => JSON.parse(line) as {readonly id: string; readonly number: number});
      const id = `batch-${batches.length + 1}`;
      const numbers = parsed.map(({number}) => number);
      batches.push({id, name, ids: parsed.map(line => line.id), numbers, looks});
      return id;
    },
    find: async ({name}) => batches.find(batch => batch.name === name)?.id,
    async poll(id): Promise<BatchState> {
      const batch = named(id);
      if (batch.isCancelled || batch.looks-- <= 0) {
        return {isEnded: true, done: batch.numbers.length, ...(batch.failure && {failure: batch.failure})};
      }
      return {isEnded: false, done: 0};
    },
    async *collect(id): AsyncGenerator<BatchResult> {
      const {ids, numbers} = named(id);
      const place = batches.indexOf(named(id)) + 1;
      for (let row = ids.length - 1; row >= 0; row--) {
        const outcome = respond(numbers[row]!, place);
        if (outcome instanceof Error) yield {id: ids[row]!, error: outcome};
        else if (outcome) yield {id: ids[row]!, reply: outcome};
      }
    },
    async cancel(id) {
      named(id).isCancelled = true;
    },
    ...changes,
  };
  const service = {...teacher.service, lane};
  return {...(teacher as PayingTeacher & Teacher<'black-box'>), service, batches};
}

/** An error of a service that may pass. */
export function passing(status = 500): TeacherError {
  return new TeacherError('a payer', `It answered ${status}.`, {status, retryable: true});
}
