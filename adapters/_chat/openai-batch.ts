import {randomUUID} from 'node:crypto';
import {z} from 'zod';
import type {BatchLane, BatchResult, BatchState} from '../../src/service-features.ts';
import {idSchema, LaneClient, type LaneEndpoint} from './lane.ts';

/** OpenAI's Batch: it uploads a file of requests, and downloads a file of replies and one of errors. */

const fileSchema = z.object({id: idSchema});

const batchSchema = z.object({
  id: idSchema,
  status: z.string(),
  created_at: z.number(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  output_file_id: z.string().nullish(),
  error_file_id: z.string().nullish(),
  request_counts: z.object({completed: z.number(), failed: z.number()}).nullish(),
  errors: z.object({data: z.array(z.object({code: z.string().nullish()})).nullish()}).nullish(),
});

type Batch = z.infer<typeof batchSchema>;

const pageSchema = z.object({data: z.array(batchSchema), has_more: z.boolean().nullish()});

const lineSchema = z.object({
  custom_id: z.string(),
  response: z.object({status_code: z.number(), request_id: z.string().nullish(), body: z.unknown()}).nullish(),
  error: z.object({code: z.string().nullish()}).nullish(),
});

const ENDED = ['completed', 'failed', 'expired', 'cancelled'];

/** The field of a batch's metadata that holds our name of the batch. */
const NAME = 'limbeck';

/** The most seconds that the service's clock can be behind ours. It can be long, because names identify batches. */
const CLOCK = 86_400;

export function openAiLane(location: LaneEndpoint): BatchLane {
  const client = new LaneClient(location);
  const endpoint = `/v1${location.path}`;
  const get = (id: string) => client.get(`/batches/${encodeURIComponent(id)}`, batchSchema);
  return {
    maxRequests: 50_000,
    maxBytes: 200_000_000,
    priceShare: 0.5,
    ...client.linesWith((id, body) => JSON.stringify({custom_id: id, method: 'POST', url: endpoint, body})),
    async submit({name, lines}) {
      const {type, body} = uploadOf(`${name}.jsonl`, lines);
      const file = await client.post('/files', body, fileSchema, type);
      const wanted = {input_file_id: file.id, endpoint, completion_window: '24h', metadata: {[NAME]: name}};
      return (await client.post('/batches', JSON.stringify(wanted), batchSchema)).id;
    },
    async find({name, since}) {
      const earliest = since.getTime() / 1000 - CLOCK;
      for await (const {id, metadata, created_at} of newestFirst(client)) {
        if (metadata?.[NAME] === name) return id;
        if (created_at < earliest) return undefined;
      }
      return undefined;
    },
    poll: async id => stateOf(await get(id), client),
    async *collect(id) {
      const {output_file_id, error_file_id} = await get(id);
      for (const file of [output_file_id, error_file_id]) {
        if (!file) continue;
        const lines = client.lines(`/files/${encodeURIComponent(file)}/content`, lineSchema);
        for await (const line of lines) yield resultOf(line, client);
      }
    },
    async cancel(id) {
      await client.post(`/batches/${encodeURIComponent(id)}/cancel`, '{}', batchSchema);
    },
  };
}

/** Returns a multipart form that holds the file. */
function uploadOf(file: string, lines: readonly string[]): {readonly type: string; readonly body: Uint8Array} {
  const boundary = `limbeck-${randomUUID()}`;
  const part = (disposition: string) => `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n`;
  const head =
    `${part('name="purpose"')}\r\nbatch\r\n` +
    `${part(`name="file"; filename="${file}"`)}content-type: application/jsonl\r\n\r\n`;
  const content = lines.map(line => `${line}\n`).join('');
  const body = Buffer.from(`${head}${content}\r\n--${boundary}--\r\n`);
  return {type: `multipart/form-data; boundary=${boundary}`, body};
}

async function* newestFirst(client: LaneClient): AsyncGenerator<Batch, void> {
  for (let after = ''; ; ) {
    const {data, has_more} = await client.get(`/batches?limit=100${after}`, pageSchema);
    yield* data;
    const last = data.at(-1);
    if (!has_more || last === undefined) return;
    after = `&after=${encodeURIComponent(last.id)}`;
  }
}

function stateOf({id, status, request_counts, output_file_id, error_file_id, errors}: Batch, client: LaneClient) {
  const state: BatchState = {
    isEnded: ENDED.includes(status),
    done: (request_counts?.completed ?? 0) + (request_counts?.failed ?? 0),
  };
  if (status !== 'failed' || output_file_id || error_file_id) return state;
  const code = client.wordOf(errors?.data?.[0]?.code);
  // Waiting batches count against a token limit. The service refuses them only after a while.
  if (code === 'token_limit_exceeded') {
    const problem = `Batch ${id} was refused: too many tokens wait in the account’s batches. Ask again when those have ended.`;
    return {...state, failure: client.problem(problem, {status: 429, retryable: true})};
  }
  return {...state, failure: client.problem(`Batch ${id} was refused as a whole (${code}). Its own page says why.`)};
}

/** Errors of requests that the service never processed. */
const UNTRIED = ['batch_expired', 'batch_cancelled'];

function resultOf({custom_id: id, response, error}: z.infer<typeof lineSchema>, client: LaneClient): BatchResult {
  if (!response) {
    const code = client.wordOf(error?.code);
    const retryable = UNTRIED.includes(code);
    return {id, error: client.problem(`Its batch ended without an answer to it (${code}).`, {retryable})};
  }
  const {status_code: status, request_id, body} = response;
  const headers = request_id ? {'x-request-id': request_id} : {};
  const reply = {status, headers, body: JSON.stringify(body)};
  return status === 200 ? {id, reply} : {id, error: client.refusal(reply)};
}
