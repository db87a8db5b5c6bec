/**
 * A service of batches that counts, in its own process, which ends with its parent. It speaks OpenAI's protocol. Arguments: how
 * many texts there are, the tokens (four bytes each) that may be in batches that have not ended, and the seconds that a batch
 * takes. It refuses a batch beyond that, as OpenAI does: it takes it, and then says that it failed.
 *
 * `GET /counts` tells what it was paid for.
 */
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {buffer} from 'node:stream/consumers';
import {pipeline} from 'node:stream/promises';
import {answerTo} from './texts.ts';

interface Batch {
  readonly id: string;
  readonly file: string;
  readonly metadata: object;
  readonly tokens: number;
  readonly endsAt: number;
  readonly isRefused: boolean;
}

/** A request of a batch: its id, the number of its text, and its tokens. */
type Line = readonly [id: string, number: number, tokens: number];

const [texts, limit, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const paid = new Uint8Array(texts);
const files = new Map<string, {readonly lines: readonly Line[]; readonly tokens: number}>();
const batches = new Map<string, Batch>();
let [alone, refused, mostTokens] = [0, 0, 0];

const MEGABYTES = 200;
const REQUESTS = 50_000;

const numberIn = (text: string) => Number(/ticket (\d+) /.exec(text)![1]);

function chatReply(number: number, tokens: number): object {
  const message = {role: 'assistant', content: answerTo(number)};
  const usage = {prompt_tokens: tokens, completion_tokens: 1, total_tokens: tokens + 1};
  return {
    id: 'chat',
    object: 'chat.completion',
    model: 'm',
    choices: [{index: 0, finish_reason: 'stop', message}],
    usage,
  };
}

const tokensOf = (text: string) => Math.ceil(text.length / 4);

async function upload(request: IncomingMessage): Promise<object> {
  const body = await buffer(request);
  const start = body.indexOf('\r\n\r\n', body.indexOf('filename=')) + 4;
  const content = body.subarray(start, body.lastIndexOf('\r\n--')).toString();
  const lines = content.trimEnd().split('\n');
  if (lines.length > REQUESTS || content.length > MEGABYTES * 1e6) throw new Error('The file is too large.');
  const id = `file-${files.size + 1}`;
  const idIn = (line: string) => (JSON.parse(line) as {readonly custom_id: string}).custom_id;
  const read = lines.map((line): Line => [idIn(line), numberIn(line), tokensOf(line)]);
  files.set(id, {lines: read, tokens: read.reduce((sum, [, , tokens]) => sum + tokens, 0)});
  return {id};
}

function enqueued(now: number): number {
  return [...batches.values()].reduce((sum, {tokens, endsAt}) => sum + (endsAt > now ? tokens : 0), 0);
}

async function create(request: IncomingMessage): Promise<object> {
  const wanted = JSON.parse(String(await buffer(request))) as {
    readonly input_file_id: string;
    readonly metadata: object;
  };
  const {tokens, lines} = files.get(wanted.input_file_id)!;
  const now = Date.now();
  const isRefused = enqueued(now) + tokens > limit;
  if (isRefused) refused++;
  else for (const [, number] of lines) paid[number]!++;
  const id = `batch_${batches.size + 1}`;
  const endsAt = isRefused ? now : now + 1000 * seconds;
  const batch = {id, file: wanted.input_file_id, metadata: wanted.metadata, tokens, endsAt, isRefused};
  batches.set(id, batch);
  mostTokens = Math.max(mostTokens, enqueued(now));
  return stateOf(batch);
}

function stateOf({id, file, metadata, endsAt, isRefused}: Batch): object {
  const hasEnded = endsAt <= Date.now();
  const status = isRefused ? 'failed' : hasEnded ? 'completed' : 'in_progress';
  const completed = hasEnded && !isRefused ? files.get(file)!.lines.length : 0;
  return {
    ...{id, status, metadata, created_at: Math.floor(endsAt / 1000 - seconds), request_counts: {completed, failed: 0}},
    output_file_id: hasEnded && !isRefused ? file : null,
    errors: isRefused ? {data: [{code: 'token_limit_exceeded'}]} : null,
  };
}

function* results(file: string): Generator<string> {
  for (const [id, number, tokens] of files.get(file)!.lines.toReversed()) {
    const response = {status_code: 200, request_id: 'r', body: chatReply(number, tokens)};
    yield `${JSON.stringify({custom_id: id, response, error: null})}\n`;
  }
}

function counts(): object {
  const times = {answered: 0, again: 0};
  for (const count of paid) {
    if (count > 0) times.answered++;
    if (count > 1) times.again++;
  }
  const accepted = batches.size - refused;
  return {...times, alone, batches: accepted, refused, mostTokens};
}

async function answer(request: IncomingMessage): Promise<object | Iterable<string> | undefined> {
  const [, kind, id, more] = request.url!.split('?')[0]!.split('/');
  if (request.method === 'POST') {
    if (kind === 'files') return upload(request);
    if (kind === 'batches') return create(request);
    const text = String(await buffer(request));
    const number = numberIn(text);
    paid[number]!++;
    alone++;
    return chatReply(number, tokensOf(text));
  }
  if (kind === 'counts') return counts();
  if (kind === 'files' && more === 'content') return results(id!);
  if (kind === 'batches' && id) return batches.has(id) ? stateOf(batches.get(id)!) : undefined;
  if (kind === 'batches') return {data: [...batches.values()].reverse().slice(0, 100).map(stateOf), has_more: false};
  return undefined;
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const found = await answer(request);
  if (found === undefined) response.writeHead(404).end('{"error":{"message":"There is no such thing."}}');
  else if (Symbol.iterator in found) await pipeline(found, response);
  else response.writeHead(200, {'content-type': 'application/json'}).end(JSON.stringify(found));
}

const server = createServer((request, response) => {
  // A client that is killed breaks off what it sends and reads.
  respond(request, response).catch(() => response.destroy());
}).listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.stdin.resume().once('end', () => process.exit());
