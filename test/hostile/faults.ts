import type {OutgoingHttpHeaders, ServerResponse} from 'node:http';
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {setTimeout} from 'node:timers/promises';
import type {InferReply, OutputTensor} from './answers.ts';

/** One way in which a service fails its client. */
export interface Fault {
  /** Whether it answers 200, and so charges. */
  readonly isPaid: boolean;
  /** Which of the answers no client can make use of: all of them, one, or none. */
  readonly spoils: 'all' | 'one' | 'none';
  /** Whether the client can't know if it was charged. */
  readonly leavesDoubt: boolean;
  play(scene: Scene): void | Promise<void>;
}

/** What a fault has to work with. */
export interface Scene {
  readonly response: ServerResponse;
  /** The right reply. */
  readonly reply: InferReply;
  /** Place of the answer that a fault spoils which spoils one. */
  readonly row: number;
  /** Seconds. */
  readonly retryAfter: number;
  /** Of limits. */
  readonly headers: OutgoingHttpHeaders;
}

export type FaultKind = keyof typeof FAULTS;

const refusal = {isPaid: false, spoils: 'none', leavesDoubt: false} as const;
const harmless = {isPaid: true, spoils: 'none', leavesDoubt: false} as const;
const unreadable = {isPaid: true, spoils: 'all', leavesDoubt: false} as const;

/** Every fault that the service knows. */
export const FAULTS = {
  '429': {...refusal, play: scene => refuse(scene, 429, waitHeader(scene.retryAfter))},
  '429-silent': {...refusal, play: scene => refuse(scene, 429)},
  '429-quota': {...refusal, play: scene => refuse(scene, 429, {}, {error: {code: 'insufficient_quota'}})},
  '500': {...refusal, play: scene => refuse(scene, 500)},
  '503': {...refusal, play: scene => refuse(scene, 503, waitHeader(scene.retryAfter))},
  '529': {...refusal, play: scene => refuse(scene, 529)},
  /** Points to another origin, which is this service too, so that it hears of a client that follows. */
  redirect: {
    ...refusal,
    play(scene) {
      const {localPort} = scene.response.socket!;
      refuse(scene, 307, {location: `http://localhost:${localPort}/elsewhere`});
    },
  },
  stall: {isPaid: false, spoils: 'all', leavesDoubt: true, play() {}},
  'reset-before': {
    isPaid: false,
    spoils: 'all',
    leavesDoubt: true,
    play: ({response}) => void response.socket!.resetAndDestroy(),
  },
  'reset-during': {
    isPaid: true,
    spoils: 'all',
    leavesDoubt: true,
    play({response, reply}) {
      const body = JSON.stringify(reply);
      response.writeHead(200, {'content-length': body.length});
      response.write(body.slice(0, body.length / 2), () => response.socket?.resetAndDestroy());
    },
  },
  /** May hit the next request on the connection too, which this service then never hears of. */
  'reset-after': {
    ...harmless,
    play({response, reply}) {
      send(response, JSON.stringify(reply));
      response.once('finish', () => response.socket?.resetAndDestroy());
    },
  },
  drip: {
    ...harmless,
    async play({response, reply}) {
      const body = JSON.stringify(reply);
      response.writeHead(200, {'content-type': 'application/json'});
      for (let start = 0; start < body.length; start += Math.ceil(body.length / 8)) {
        response.write(body.slice(start, start + Math.ceil(body.length / 8)));
        await setTimeout(5);
      }
      response.end();
    },
  },
  'truncated-json': {
    ...unreadable,
    play({response, reply}) {
      const body = JSON.stringify(reply);
      send(response, body.slice(0, body.length / 2));
    },
  },
  'invalid-json': {...unreadable, play: ({response}) => send(response, '<html>Welcome</html>')},
  'wrong-label': {
    isPaid: true,
    spoils: 'one',
    leavesDoubt: false,
    play({response, reply, row}) {
      const spoil = (tensor: OutputTensor) => ({...tensor, data: spoilt(tensor, row)});
      send(response, JSON.stringify({...reply, outputs: reply.outputs.map(spoil)}));
    },
  },
  missing: {
    ...unreadable,
    play: ({response, reply}) => send(response, JSON.stringify(withRows(reply, rows => rows.slice(1)))),
  },
  duplicated: {
    ...unreadable,
    play: ({response, reply}) => send(response, JSON.stringify(withRows(reply, rows => [rows[0]!, ...rows]))),
  },
  /** The protocol tells rows apart by their place alone: what may come in any order are the outputs. */
  reordered: {
    ...harmless,
    play({response, reply}) {
      const extra = {name: 'extra', datatype: 'FP64', shape: [1], data: [0]};
      send(response, JSON.stringify({outputs: [extra, ...[...reply.outputs].reverse()], model_name: 'hostile'}));
    },
  },
  huge: {
    ...unreadable,
    async play({response}) {
      response.writeHead(200, {'content-type': 'application/json'});
      const mebibyte = Buffer.alloc(2 ** 20, ' ');
      // A client that has had enough goes away.
      await pipeline(Readable.from(new Array(50).fill(mebibyte)), response).catch(() => {});
    },
  },
  /** Says that the body is compressed, which it is not. */
  'gzip-lie': {
    ...harmless,
    play: ({response, reply}) => send(response, JSON.stringify(reply), {'content-encoding': 'gzip'}),
  },
} as const satisfies Readonly<Record<string, Fault>>;

/** Those from which a client can recover by asking again. */
export const PASSING_FAULTS: readonly FaultKind[] = (Object.keys(FAULTS) as FaultKind[]).filter(
  kind => kind !== '429-quota' && kind !== 'redirect',
);

/** Answers 200. */
export function send(response: ServerResponse, body: string, headers: OutgoingHttpHeaders = {}): void {
  const length = Buffer.byteLength(body);
  response.writeHead(200, {'content-type': 'application/json', 'content-length': length, ...headers}).end(body);
}

/** Answers another status. */
export function refuse(
  {response, headers}: Pick<Scene, 'response' | 'headers'>,
  status: number,
  further: OutgoingHttpHeaders = {},
  body: object = {error: 'refused'},
): void {
  response.writeHead(status, {'content-type': 'application/json', ...headers, ...further}).end(JSON.stringify(body));
}

/** Whole seconds as the standard has them, others as some services write them. */
export function waitHeader(seconds: number): OutgoingHttpHeaders {
  return Number.isInteger(seconds) ? {'retry-after': String(seconds)} : {'retry-after-ms': Math.ceil(seconds * 1000)};
}

function spoilt({shape, data}: OutputTensor, row: number): (number | string | null)[] {
  const width = data.length / shape[0]!;
  return data.map((value, place) => {
    if (Math.floor(place / width) !== row) return value;
    return width === 1 ? -1 : null;
  });
}

type Rows = readonly (readonly (number | string)[])[];

function withRows(reply: InferReply, change: (rows: Rows) => Rows): InferReply {
  const outputs = reply.outputs.map(({shape, data, ...tensor}) => {
    const width = data.length / shape[0]!;
    const rows = Array.from({length: shape[0]!}, (_, row) => data.slice(row * width, (row + 1) * width));
    const changed = change(rows);
    return {...tensor, shape: [changed.length, ...shape.slice(1)], data: changed.flat()};
  });
  return {...reply, outputs};
}
