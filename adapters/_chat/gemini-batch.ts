import {z} from 'zod';
import type {BatchLane, BatchResult, BatchState} from '../../src/service-features.ts';
import {LaneClient, type LaneEndpoint} from './lane.ts';

/** Gemini's batches whose requests are inline in the body. */

const count = z.coerce.number().catch(0);

const replySchema = z.object({
  metadata: z.object({key: z.string()}).nullish(),
  response: z.unknown().optional(),
  error: z.object({code: z.number().nullish(), status: z.string().nullish()}).nullish(),
});

const outputSchema = z.object({
  inlinedResponses: z.object({inlinedResponses: z.array(z.unknown()).nullish()}).nullish(),
});

const batchSchema = z.object({
  name: z.string().regex(/^batches\/[\w-]+$/),
  metadata: z
    .object({
      state: z.string().nullish(),
      displayName: z.string().nullish(),
      createTime: z.string().nullish(),
      batchStats: z.object({successfulRequestCount: count, failedRequestCount: count}).nullish(),
      output: outputSchema.nullish(),
    })
    .nullish(),
  done: z.boolean().nullish(),
  response: outputSchema.nullish(),
  error: z.object({code: z.number().nullish(), status: z.string().nullish()}).nullish(),
});

type Batch = z.infer<typeof batchSchema>;

const pageSchema = z.object({operations: z.array(batchSchema).nullish(), nextPageToken: z.string().nullish()});

const ENDED = /_(SUCCEEDED|PARTIALLY_SUCCEEDED|FAILED|CANCELLED|EXPIRED)$/;

/**
 * The most milliseconds that the service's clock can be behind ours. It can be long, because names identify batches.
 */
const CLOCK = 86_400_000;

/** @param model - as it is written in a path */
export function geminiLane(location: LaneEndpoint, model: string): BatchLane {
  const client = new LaneClient(location);
  const get = (id: string) => client.get(`/${id}`, batchSchema);
  return {
    // The service has no limit on the number of requests.
    maxRequests: Number.POSITIVE_INFINITY,
    maxBytes: 20_000_000 - WRAPPING,
    priceShare: 0.5,
    ...client.linesWith((id, request) => JSON.stringify({request, metadata: {key: id}})),
    async submit({name, lines}) {
      const requests = `{"requests":{"requests":[${lines.join(',')}]}}`;
      const batch = `{"batch":{"displayName":${JSON.stringify(name)},"inputConfig":${requests}}}`;
      return (await client.post(`/models/${model}:batchGenerateContent`, batch, batchSchema)).name;
    },
    async find({name, since}) {
      for await (const batch of newestFirst(client)) {
        if (batch.metadata?.displayName === name) return batch.name;
        if (Date.parse(batch.metadata?.createTime ?? '') < since.getTime() - CLOCK) return undefined;
      }
      return undefined;
    },
    poll: async id => stateOf(await get(id), client),
    async *collect(id) {
      const {response, metadata} = await get(id);
      const {inlinedResponses} = response ?? metadata?.output ?? {};
      for (const reply of inlinedResponses?.inlinedResponses ?? []) {
        const result = replySchema.safeParse(reply).data;
        // A result without a key is skipped: its index in the list does not identify it.
        if (result?.metadata) yield resultOf(result, result.metadata.key, client);
      }
    },
    async cancel(id) {
      await client.post(`/${id}:cancel`, '{}', z.unknown());
    },
  };
}

/** Bytes of the JSON around the lines. */
const WRAPPING = 1000;

async function* newestFirst(client: LaneClient): AsyncGenerator<Batch, void> {
  for (let token = ''; ; ) {
    const {operations, nextPageToken} = await client.get(`/batches?pageSize=100${token}`, pageSchema);
    yield* operations ?? [];
    if (!nextPageToken) return;
    token = `&pageToken=${encodeURIComponent(nextPageToken)}`;
  }
}

function stateOf({name, metadata, done, error}: Batch, client: LaneClient): BatchState {
  const {state, batchStats} = metadata ?? {};
  const {successfulRequestCount = 0, failedRequestCount = 0} = batchStats ?? {};
  const ended = {
    isEnded: done === true || ENDED.test(state ?? ''),
    done: successfulRequestCount + failedRequestCount,
  };
  if (!error && !state?.endsWith('_FAILED')) return ended;
  const status = statusOf(error?.code);
  const problem = `Batch ${name} failed as a whole (${client.wordOf(error?.status ?? state)}).`;
  return {...ended, isEnded: true, failure: client.problem(problem, {status, retryable: status === 429})};
}

/** Returns the HTTP status of a gRPC code, by Google's mapping. */
function statusOf(code: number | null | undefined): number {
  return STATUSES[code ?? UNKNOWN] ?? 500;
}

const UNKNOWN = 2;

const STATUSES: Readonly<Record<number, number>> = {
  1: 499,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  10: 409,
  11: 400,
  12: 501,
  14: 503,
  16: 401,
};

function resultOf({response, error}: z.infer<typeof replySchema>, id: string, client: LaneClient): BatchResult {
  if (response) return {id, reply: {status: 200, headers: {}, body: JSON.stringify(response)}};
  const reply = {status: statusOf(error?.code), headers: {}, body: JSON.stringify({error: error ?? {}})};
  return {id, error: client.refusal(reply)};
}
