import {createHash} from 'node:crypto';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text as textOf} from 'node:stream/consumers';

/** An item of a packed request, or the only one of a request without ids. */
export interface AskedItem {
  /** Undefined without a pack. */
  readonly id: string | undefined;
  readonly text: string;
}

/** A reply: its status, and what the model wrote, with the reason why it ended. */
export interface Written {
  /** @default 200 */
  readonly status?: number;
  readonly text?: string;
  /** @default 'stop' */
  readonly finish?: 'stop' | 'length' | 'content_filter';
}

export interface PackServer {
  readonly url: string;
  /** The items of each request, in its order. */
  readonly requests: (readonly AskedItem[])[];
  /** How often each text was answered with its label. */
  readonly answered: Map<string, number>;
  close(): void;
}

interface Body {
  readonly messages: readonly {readonly content: string}[];
  readonly response_format: {readonly json_schema: {readonly schema: {readonly $defs?: object}}};
}

/** The label that the model gives a text, whatever stands beside it. */
export function labelOf(text: string, classes: readonly string[]): string {
  return classes[createHash('sha256').update(text).digest()[0]! % classes.length]!;
}

/** The JSON of fields in their order, which can hold a name twice. */
export function objectText(fields: readonly (readonly [name: string, value: string])[]): string {
  return `{${fields.map(field => field.map(part => JSON.stringify(part)).join(': ')).join(', ')}}`;
}

/**
 * A service in OpenAI's protocol that is no model.
 *
 * @param write - what it makes of a request; undefined: the right answer
 * @param onRequest - called before it answers
 */
export async function packServer(
  classes: readonly string[],
  write: (items: readonly AskedItem[], fields: readonly (readonly [string, string])[]) => Written | undefined = () =>
    undefined,
  onRequest: (count: number) => void | Promise<void> = () => {},
): Promise<PackServer> {
  const requests: (readonly AskedItem[])[] = [];
  const answered = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await textOf(request)) as Body;
    const asked = body.messages.at(-1)!.content;
    const isPacked = body.response_format.json_schema.schema.$defs !== undefined;
    const items: readonly AskedItem[] = isPacked
      ? Object.entries(JSON.parse(asked) as object).map(([id, text]) => ({id, text: String(text)}))
      : [{id: undefined, text: asked}];
    requests.push(items);
    await onRequest(requests.length);
    const fields = items.map(({id, text}) => [id ?? 'label', labelOf(text, classes)] as const);
    const {status = 200, text = objectText(fields), finish = 'stop'} = write(items, fields) ?? {};
    response.writeHead(status, {'content-type': 'application/json'});
    if (status === 200) for (const item of items) if (isAnswered(item, text, classes)) add(answered, item.text);
    const choice = {finish_reason: finish, message: {content: text}};
    const usage = {prompt_tokens: asked.length, completion_tokens: text.length};
    const refused = {error: {code: 'content_filter', message: 'The prompt was filtered.'}};
    response.end(JSON.stringify(status === 200 ? {choices: [choice], usage} : refused));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answered,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function add(counts: Map<string, number>, text: string): void {
  counts.set(text, (counts.get(text) ?? 0) + 1);
}

/** True if a reply holds the one right answer to an item, by another way of reading than the tested one. */
function isAnswered({id = 'label', text}: AskedItem, written: string, classes: readonly string[]): boolean {
  const own = written.split(`"${id}": `).slice(1);
  return own.length === 1 && own[0]!.startsWith(JSON.stringify(labelOf(text, classes)));
}
