/**
 * A service in OpenAI's protocol that takes so many requests a minute, in its own process, which ends with its parent. It
 * gives every input its first class. Requests beyond the limit are refused with 429 and the time to wait. Argument: the
 * limit.
 */
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text} from 'node:stream/consumers';

interface Body {
  readonly response_format: {readonly json_schema: {readonly schema: Schema}};
}

interface Schema {
  readonly properties: Readonly<Record<string, {readonly enum?: readonly string[]}>>;
  readonly $defs?: {readonly answer: {readonly enum: readonly string[]}};
}

const perMinute = Number(process.argv[2]);
const perMillisecond = perMinute / 60_000;
/** A bucket that holds the requests of a second. */
const most = perMinute / 60;
let [room, filledAt] = [most, performance.now()];

/** Takes a request; returns the milliseconds to wait if there is no room. */
function take(): number {
  const now = performance.now();
  room = Math.min(most, room + (now - filledAt) * perMillisecond);
  filledAt = now;
  if (room < 1) return (1 - room) / perMillisecond;
  room--;
  return 0;
}

function answerTo({response_format}: Body): string {
  const {properties, $defs} = response_format.json_schema.schema;
  const fields = Object.entries(properties).map(([name, field]) => [name, (field.enum ?? $defs!.answer.enum)[0]]);
  return JSON.stringify(Object.fromEntries(fields));
}

const server = createServer(async (request, response) => {
  const sent = await text(request);
  const wait = take();
  if (wait > 0) {
    response.writeHead(429, {'content-type': 'application/json', 'retry-after-ms': String(Math.ceil(wait))});
    return response.end('{"error": {"message": "Too many requests."}}');
  }
  const content = answerTo(JSON.parse(sent) as Body);
  const usage = {prompt_tokens: Math.ceil(sent.length / 4), completion_tokens: Math.ceil(content.length / 4)};
  response.writeHead(200, {'content-type': 'application/json'});
  return response.end(JSON.stringify({choices: [{finish_reason: 'stop', message: {content}}], usage}));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.stdin.resume().once('end', () => process.exit());
