/** Finds the texts in requests to language models and in their replies, in the shapes that services and loggers use. */
import {type Fields, isFields} from './rows.ts';

/** The JSON that a string holds, if it is an object or a list; tables keep requests and replies so. */
export function unpacked(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** The fields of a request that hold its messages. */
const REQUEST_FIELDS = ['messages', 'input', 'contents', 'prompt', 'inputs'];

/** Whether a value is a request or its messages, and not a text. */
export function isRequest(value: unknown): boolean {
  return typeof value === 'object' && value !== null && lastUserText(value) !== undefined;
}

/** The text of the last message by the user in a request, or in its list of messages; undefined if there is none. */
export function lastUserText(request: unknown): string | undefined {
  if (typeof request === 'string') return request;
  if (Array.isArray(request)) return lastTextBy(['user', 'human'], request);
  if (!isFields(request)) return undefined;
  // The messages of a stored completion come as a page of a list.
  if (Array.isArray(request['data'])) return lastUserText(request['data']);
  for (const name of REQUEST_FIELDS) {
    const text = lastUserText(unpacked(request[name]));
    if (text !== undefined) return text;
  }
  return undefined;
}

/** The text of the last message by the model; undefined if the messages don't end with one. */
export function lastAssistantText(messages: unknown): string | undefined {
  const list = isFields(messages) ? messages['data'] : messages;
  if (!Array.isArray(list)) return undefined;
  return lastTextBy(['assistant', 'ai', 'model'], list.slice(-1));
}

function lastTextBy(roles: readonly string[], messages: readonly unknown[]): string | undefined {
  // Some loggers put the messages of one request into a list of requests.
  if (messages.length === 1 && Array.isArray(messages[0])) return lastTextBy(roles, messages[0]);
  const message = messages.findLast(one => isFields(one) && roles.includes(roleOf(one)));
  return isFields(message) ? contentText(message['content'] ?? message['parts'] ?? message['text']) : undefined;
}

function roleOf({role, type}: Fields): string {
  return String(role ?? type).toLowerCase();
}

/** The text of a message: a text, or the texts of its parts. */
function contentText(content: unknown): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content.flatMap(part => {
    const text = isFields(part) ? part['text'] : part;
    return typeof text === 'string' ? [text] : [];
  });
  return texts.length === 0 ? undefined : texts.join('');
}

/** A reply of a language model. */
export interface LoggedReply {
  /** The text that the model wrote. */
  readonly text: string | undefined;
  /** The whole reply as the service gave it; undefined if the log holds only the text. */
  readonly document: Fields | undefined;
}

/** The reply in a field of a log: the service's own document, or the text that the model wrote. */
export function replyIn(value: unknown): LoggedReply {
  const content = unpacked(value);
  const document = isFields(content) ? content : undefined;
  const text = document ? replyText(document) : Array.isArray(content) ? listText(content) : undefined;
  if (text !== undefined) return {text, document};
  // A text that holds JSON, such as {"label": "spam"}, is what the model wrote.
  if (typeof value === 'string') return {text: value, document: undefined};
  if (document) return {text: JSON.stringify(document), document};
  const isPlain = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
  return {text: isPlain ? String(value) : undefined, document: undefined};
}

function listText(list: readonly unknown[]): string | undefined {
  return lastAssistantText(list) ?? contentText(list) ?? firstText(list);
}

/** The text of a reply: of a completion, of OpenAI's Responses, of Anthropic, Gemini, Cohere and Ollama. */
function replyText(document: Fields): string | undefined {
  const {choices, candidates, message, output, generations} = document;
  if (Array.isArray(choices)) return firstText(choices);
  if (Array.isArray(candidates)) return firstText(candidates);
  if (Array.isArray(generations)) return firstText(generations.flat());
  if (isFields(message)) return contentText(message['content']);
  if (Array.isArray(output)) {
    const messages = output.filter(item => isFields(item) && (item['type'] ?? 'message') === 'message');
    return messages.length === 0
      ? contentText(output)
      : contentText(messages.flatMap(item => (item as Fields)['content']));
  }
  for (const name of ['output_text', 'content', 'text', 'response', 'generated_text', 'completion']) {
    const text = contentText(document[name]);
    if (text !== undefined) return text;
  }
  return undefined;
}

function firstText([first]: readonly unknown[]): string | undefined {
  if (!isFields(first)) return undefined;
  const {message, content, text} = first;
  if (isFields(message)) return contentText(message['content']);
  if (isFields(content)) return contentText(content['parts']);
  return contentText(content ?? text);
}
