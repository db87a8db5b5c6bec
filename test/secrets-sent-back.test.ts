import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {inspect} from 'node:util';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openai} from '../adapters/openai.ts';
import {openAsking} from '../src/ask/asking.ts';
import {probeTeacher} from '../src/ask/probe/probe.ts';
import {LimbeckError} from '../src/errors.ts';
import {keepSecret, replyWithoutSecrets, withoutSecrets} from '../src/secrets.ts';
import {storeUrl} from '../src/store/store-url.ts';

const KEY = 'sk-Sent/Back+0123456789-of-this-test';

const everyHex = (text: string, write: (code: string) => string): string =>
  [...text].map(sign => write(sign.charCodeAt(0).toString(16).padStart(2, '0'))).join('');

/** The forms in which a service could send a key back. */
const FORMS: Readonly<Record<string, string>> = {
  'as it is': KEY,
  'in capitals': KEY.toUpperCase(),
  'in small letters': KEY.toLowerCase(),
  backwards: [...KEY].reverse().join(''),
  'for a URL': encodeURIComponent(KEY),
  'for a URL, in small letters': encodeURIComponent(KEY).toLowerCase(),
  'for a URL, all of it': everyHex(KEY, code => `%${code}`),
  'for HTML': everyHex(KEY, code => `&#x${code};`),
  'for JSON': everyHex(KEY, code => `\\u00${code}`),
  'with slashes escaped': KEY.replaceAll('/', '\\/'),
  'in base64': Buffer.from(KEY).toString('base64'),
  'in base64 after a user': Buffer.from(`user:${KEY}`).toString('base64'),
  'in base64 after one sign': Buffer.from(`:${KEY}!`).toString('base64url'),
  'in hexadecimal': Buffer.from(KEY).toString('hex'),
  'with other signs': KEY.replace(/\W/g, '_'),
  'with spaces': KEY.replace(/(?=S|B)/g, ' '),
};

/** The readings of a text, in which no key must be found. */
function reads(text: string): readonly string[] {
  const unescaped = text
    .replace(/\\u00([\da-f]{2})|%([\da-f]{2})|&#x([\da-f]+);/gi, (_, a, b, c) =>
      String.fromCharCode(Number.parseInt(a ?? b ?? c, 16)),
    )
    .replaceAll('\\/', '/');
  const words = text.match(/[\w+/-]{16,}/g) ?? [];
  const decoded = words.flatMap(word =>
    [0, 1, 2, 3].flatMap(cut => [
      Buffer.from(word.slice(cut), 'base64').toString('latin1'),
      Buffer.from(word.slice(cut % 2), 'hex').toString('latin1'),
    ]),
  );
  return [text, unescaped, ...decoded].flatMap(each => [each, [...each].reverse().join('')]);
}

const folded = (text: string): string => text.toLowerCase().replace(/[^a-z\d]/g, '');
const shows = (text: string): boolean => reads(text).some(read => folded(read).includes(folded(KEY)));

describe('a text without secrets', () => {
  beforeAll(() => void keepSecret(KEY));

  it.each(Object.entries(FORMS))('holds no key %s', (_, form) => {
    for (const text of [form, `{"a": "${form}", "b": 1}`, `${form}${form}`, `x${form}y`]) {
      expect(shows(text)).toBe(true);
      expect(shows(withoutSecrets(text))).toBe(false);
    }
  });

  it('stays the same, sign for sign, if it holds none', () => {
    const text = fc.oneof(fc.string({unit: 'binary'}), fc.json(), fc.webUrl(), fc.base64String());
    fc.assert(
      fc.property(text, other => {
        expect(withoutSecrets(other)).toBe(other);
      }),
      {seed: 15, numRuns: 500},
    );
  });

  it('stays JSON, and bytes in base64 as many as they were', () => {
    const inJson = JSON.stringify({model: KEY, list: [1, KEY, {[KEY]: true}]});
    expect(JSON.parse(withoutSecrets(inJson))).toEqual({model: '[secret]', list: [1, '[secret]', {'[secret]': true}]});
    const bytes = Buffer.concat([Buffer.of(1, 2, 3), Buffer.from(KEY), Buffer.of(4, 5)]);
    const cleaned = Buffer.from(withoutSecrets(bytes.toString('base64')), 'base64');
    expect([cleaned.length, [...cleaned.subarray(0, 3)], [...cleaned.subarray(-2)]]).toEqual([
      bytes.length,
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('keeps texts that are too short to be secrets', () => {
    keepSecret('EMPTY');
    keepSecret(undefined);
    expect(withoutSecrets('an EMPTY text')).toBe('an EMPTY text');
  });

  it('is used in errors and in kept replies', () => {
    expect(new LimbeckError(`No ${KEY} here`).message).toBe('No [secret] here');
    const reply = {status: 200, headers: {model: KEY}, body: `"${KEY}"`};
    expect(replyWithoutSecrets(reply)).toEqual({status: 200, headers: {model: '[secret]'}, body: '"[secret]"'});
  });

  it('holds no password of a store either', () => {
    storeUrl('redis://user:hunter%2F2-and-more@127.0.0.1:6379');
    expect(withoutSecrets('hunter/2-and-more, hunter%2F2-and-more')).toBe('[secret], [secret]');
  });
});

describe('a service that sends the key back', () => {
  let server: Server;
  let folder: string;
  /** The text that it sends back instead of the key. */
  let form = '';
  let status = 200;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'limbeck-sent-back-'));
    server = createServer((request, response) => {
      request.resume().once('end', () => {
        const message = `{"role": "assistant", "content": "{\\"label\\": \\"spam\\"}", "note": "${form}"}`;
        const body =
          status === 200
            ? `{"id": "x", "object": "chat.completion", "model": "m-${form}", "system_fingerprint": "${form}", "key": "${form}",
                "choices": [{"index": 0, "finish_reason": "stop", "message": ${message}}],
                "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}`
            : `{"error": {"message": "bad ${form}", "type": "${form}", "code": "${form.replace(/\W/g, '_').slice(0, 40)}"}}`;
        response.writeHead(status, {'content-type': 'application/json', 'x-request-id': form.replace(/[^ -~]/g, '')});
        response.end(body);
      });
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.close();
    rmSync(folder, {recursive: true});
  });

  function filesIn(path: string): readonly string[] {
    const entries = readdirSync(path, {recursive: true, withFileTypes: true}).filter(entry => entry.isFile());
    return entries.map(({parentPath, name}) => readFileSync(join(parentPath, name), 'latin1'));
  }

  it.each(Object.entries(FORMS))('has it written nowhere, %s', async (title, sent) => {
    form = sent;
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const teacher = openai({url, model: 'm', classes: ['ham', 'spam'], output: 'label', key: KEY});
    const path = join(folder, title.replace(/\W/g, '-'));
    const asking = await openAsking({cache: join(path, 'answers.mdb'), journal: join(path, 'journal')});
    const shown: string[] = [];
    try {
      const {teacher: layered} = asking.open(teacher);
      const query = (text: string) => ({input: {kind: 'text', text}}) as const;
      status = 200;
      const outcomes = await layered.ask([query('buy')]);
      expect(outcomes).toMatchObject([{answer: {kind: 'label', label: 1}}]);
      const probed = await probeTeacher(asking, teacher, {
        ...{queries: [query('buy'), query('sell')], needed: {kind: 'label'}, inputs: 2},
      }).catch((error: unknown) => error);
      expect(probed).not.toBeInstanceOf(Error);
      status = 401;
      const refused = await layered.ask([query('other')]).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(Error);
      shown.push(...[outcomes, probed, refused].map(one => inspect(one, {depth: 10})), (refused as Error).message);
    } finally {
      await asking.close();
    }
    const files = filesIn(path);
    expect(files.join('').includes('chat.completion')).toBe(true);
    expect([...shown, ...files].filter(shows)).toEqual([]);
  });
});
