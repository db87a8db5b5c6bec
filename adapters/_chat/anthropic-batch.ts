import {z} from 'zod';
import type {BatchLane, BatchResult} from '../../src/service-features.ts';
import {idSchema, LaneClient, type LaneEndpoint} from './lane.ts';

/** Anthropic's Message Batches: requests and results, without files and without names. */

const batchSchema = z.object({
  id: idSchema,
  processing_status: z.string(),
  created_at: z.string(),
  request_counts: z.object({
    processing: z.number(),
    succeeded: z.number(),
    errored: z.number(),
    canceled: z.number(),
    expired: z.number(),
  }),
});

type Batch = z.infer<typeof batchSchema>;

const pageSchema = z.object({data: z.array(batchSchema), has_more: z.boolean().nullish()});

const lineSchema = z.object({
  custom_id: z.string(),
  result: z.discriminatedUnion('type', [
    z.object({type: z.literal('succeeded'), message: z.unknown()}),
    z.object({type: z.literal('errored'), error: z.object({error: z.object({type: z.string()})})}),
    z.object({type: z.literal('canceled')}),
    z.object({type: z.literal('expired')}),
  ]),
});

const PATH = '/v1/messages/batches';

/** The most milliseconds that the service's clock can be behind ours. */
const CLOCK = 3_600_000;

export function anthropicLane(location: LaneEndpoint): BatchLane {
  const client = new LaneClient(location);
  const pathOf = (id: string) => `${PATH}/${encodeURIComponent(id)}`;
  // Not from the batch's `results_url`, because the key must go to the configured address only.
  const results = (id: string) => client.lines(`${pathOf(id)}/results`, lineSchema);
  return {
    maxRequests: 100_000,
    maxBytes: 256_000_000 - BRACKETS,
    priceShare: 0.5,
    ...client.linesWith((id, params) => JSON.stringify({custom_id: id, params})),
    submit: async ({lines}) => (await client.post(PATH, `{"requests":[${lines.join(',')}]}`, batchSchema)).id,
    async find({ids, since, others}) {
      let likely: string | undefined;
      for await (const batch of newestFirst(client)) {
        if (Date.parse(batch.created_at) < since.getTime() - CLOCK) break;
        const {total, hasEnded} = progressOf(batch);
        if (total !== ids.size || others.has(batch.id)) continue;
        // Only the results of an ended batch show whose batch it is.
        if (!hasEnded) likely ??= batch.id;
        else if (await holdsAny(results(batch.id), ids)) return batch.id;
      }
      return likely;
    },
    async poll(id) {
      const {done, hasEnded} = progressOf(await client.get(pathOf(id), batchSchema));
      return {isEnded: hasEnded, done};
    },
    async *collect(id) {
      for await (const line of results(id)) yield resultOf(line, client);
    },
    async cancel(id) {
      await client.post(`${pathOf(id)}/cancel`, '{}', batchSchema);
    },
  };
}

/** Bytes of the JSON around the lines. */
const BRACKETS = 100;

async function* newestFirst(client: LaneClient): AsyncGenerator<Batch, void> {
  for (let after = ''; ; ) {
    const {data, has_more} = await client.get(`${PATH}?limit=100${after}`, pageSchema);
    yield* data;
    const last = data.at(-1);
    if (!has_more || last === undefined) return;
    after = `&after_id=${encodeURIComponent(last.id)}`;
  }
}

function progressOf({processing_status, request_counts: counts}: Batch) {
  const done = counts.succeeded + counts.errored + counts.canceled + counts.expired;
  return {done, total: done + counts.processing, hasEnded: processing_status === 'ended'};
}

async function holdsAny(
  lines: AsyncIterable<{readonly custom_id: string}>,
  ids: ReadonlySet<string>,
): Promise<boolean> {
  for await (const {custom_id} of lines) if (ids.has(custom_id)) return true;
  return false;
}

/** The HTTP status of each error if requests were sent one by one. */
const STATUSES: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  timeout_error: 504,
  overloaded_error: 529,
};

function resultOf({custom_id: id, result}: z.infer<typeof lineSchema>, client: LaneClient): BatchResult {
  if (result.type === 'succeeded') {
    return {id, reply: {status: 200, headers: {}, body: JSON.stringify(result.message)}};
  }
  if (result.type === 'errored') {
    const status = STATUSES[result.error.error.type] ?? 500;
    return {id, error: client.refusal({status, headers: {}, body: JSON.stringify(result.error)})};
  }
  return {
    id,
    error: client.problem(`Its batch ended before this request was processed (${result.type}).`, {retryable: true}),
  };
}
