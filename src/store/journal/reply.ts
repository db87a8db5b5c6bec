import {replyWithoutSecrets, withoutFragments} from '../../secrets.ts';
import type {Reply} from '../../teacher.ts';
import {lineOf} from './segment.ts';

/** The location of a raw reply: a line of a segment, in bytes. */
export interface ReplyLocation {
  /** The name of its file. */
  readonly segment: string;
  readonly offset: number;
  readonly length: number;
}

/** A reply with the queries that it answers, in their order. */
export interface KeptReply {
  /** See `answerKey`. */
  readonly keys: readonly string[];
  readonly reply: Reply;
}

/** Headers that are kept: facts about the reply, the model and limits. None can hold a secret. */
const KEPT_HEADERS =
  /^(date|content-type|inference-header-content-length|retry-after(-ms)?|(.+-)?(request-id|ratelimit(-.+)?|model(-.+)?|version))$/;

/** The line of a reply. Its number comes first, so that the line can be recognised without being parsed. */
export function replyLine(id: number, keys: readonly string[], reply: Reply): string {
  const {status, headers, body} = replyWithoutSecrets(reply);
  return lineOf({reply: id, keys, status, headers: keptHeaders(headers), body});
}

/** The line of a refused reply. It answers nothing, so it is kept for people alone. */
export function refusedLine(id: number, reply: Reply): string {
  const {status, headers, body} = replyWithoutSecrets(reply);
  return lineOf({refused: id, status, headers: keptHeaders(headers), body: withoutFragments(body)});
}

/** True for a line with a reply, which keeps its segment. */
export function holdsReply(line: Buffer): boolean {
  return /^\{"(reply|refused)":\d+,/.test(line.toString('latin1', 0, 32));
}

/** The number of the reply in this line; undefined for a line of another kind. */
export function replyNumber(line: Buffer): number | undefined {
  const number = /^\{"reply":(\d+),/.exec(line.toString('latin1', 0, 32))?.[1];
  return number === undefined ? undefined : Number(number);
}

/** The queries of the reply in this line, without reading the reply; undefined for a line of another kind. */
export function replyKeys(line: Buffer): readonly string[] | undefined {
  const number = replyNumber(line);
  const end = number === undefined ? -1 : line.indexOf(AFTER_KEYS);
  if (end < 0) return undefined;
  try {
    const start = `{"reply":${number},"keys":`.length;
    return JSON.parse(line.toString('utf8', start, end + 1)) as string[];
  } catch {
    return undefined;
  }
}

/** The text after the keys. Within a string its quotes would have backslashes. */
const AFTER_KEYS = Buffer.from('],"status":');

/** Undefined if the bytes hold no whole reply. */
export function parseReply(line: Buffer): KeptReply | undefined {
  if (line.at(-1) !== NEWLINE || replyNumber(line) === undefined) return undefined;
  try {
    const {keys, status, headers, body} = JSON.parse(line.toString()) as KeptReply & Reply;
    return {keys, reply: {status, headers, body}};
  } catch {
    return undefined;
  }
}

const NEWLINE = 10;

function keptHeaders(headers: Reply['headers']): Reply['headers'] {
  const kept: Record<string, string | readonly string[] | undefined> = {};
  for (const name in headers) if (KEPT_HEADERS.test(name)) kept[name] = headers[name];
  return kept;
}
