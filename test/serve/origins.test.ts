import {request} from 'node:http';
import {hostname} from 'node:os';
import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {type OriginOptions, Origins} from '../../src/serve/origins.ts';
import type {RunningService} from '../../src/serve/server.ts';
import {post, services} from './services.ts';

const start = services();

function takes(options: Partial<OriginOptions>, headers: {host?: string; origin?: string}): boolean {
  const origins = new Origins({host: '127.0.0.1', ...options});
  try {
    origins.check(headers);
    return true;
  } catch (error) {
    expect(error).toMatchObject({status: 403});
    return false;
  }
}

describe('the name that a service is called by', () => {
  it.each(['localhost', 'LOCALHOST:8080', 'localhost.', '127.0.0.1:8080', '127.9.9.9', '[::1]:8080'])(
    'may be %s wherever it listens',
    host => {
      expect(takes({}, {host})).toBe(true);
      expect(takes({host: '::1'}, {host})).toBe(true);
      expect(takes({host: '0.0.0.0'}, {host})).toBe(true);
    },
  );

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'evil.example:8080', '', 'a b', 'x/y'])(
    'may not be %j',
    host => {
      expect(takes({}, {host})).toBe(false);
      expect(takes({host: '0.0.0.0'}, {host})).toBe(false);
      expect(takes({host: 'models.example'}, {host})).toBe(false);
    },
  );

  it('may be any address and the name of the machine where others can reach it', () => {
    for (const host of ['10.0.0.7:8080', '[fd00::7]', hostname()]) {
      expect(takes({host: '0.0.0.0'}, {host})).toBe(true);
    }
    expect(takes({}, {host: '10.0.0.7:8080'})).toBe(false);
  });

  it('may be the one that it was started with, and those that are allowed', () => {
    expect(takes({host: 'models.example'}, {host: 'models.example:80'})).toBe(true);
    expect(takes({hosts: ['Models.example']}, {host: 'models.example'})).toBe(true);
    expect(takes({hosts: ['models.example']}, {host: 'www.models.example'})).toBe(false);
  });

  it('need not be said by what is too old to be a browser', () => {
    expect(takes({}, {})).toBe(true);
  });
});

describe('the page that asks a service', () => {
  const host = 'localhost:8080';
  const shop = 'https://shop.example';

  it('must be of its own origin, or an allowed one', () => {
    expect(takes({}, {host, origin: `http://${host}`})).toBe(true);
    expect(takes({origins: [shop]}, {host, origin: shop})).toBe(true);
    for (const origin of [shop, 'http://localhost:3000', 'http://localhost', 'null', `${shop}.evil.example`]) {
      expect(takes({origins: ['https://other.example']}, {host, origin})).toBe(false);
    }
  });

  it('is allowed by its scheme, host and port alone', () => {
    expect(takes({origins: ['https://Shop.example:443/']}, {host, origin: shop})).toBe(true);
    expect(takes({origins: [shop]}, {host, origin: 'http://shop.example'})).toBe(false);
    expect(takes({origins: ['chrome-extension://abc']}, {host, origin: 'chrome-extension://abc'})).toBe(true);
    expect(takes({origins: ['null']}, {host, origin: 'null'})).toBe(true);
    for (const origin of ['*', 'shop.example', 'https://shop.example/path', 'https://*.example', '']) {
      expect(() => new Origins({host, origins: [origin]})).toThrow(InputError);
    }
    expect(() => new Origins({host, hosts: ['a/b']})).toThrow('`a/b` is not a host.');
  });
});

/** As a browser or an attacker sends it: `fetch` sets these headers itself. */
function send({url}: RunningService, method: string, headers: Record<string, string>, body = '') {
  return new Promise<{status: number; headers: Record<string, unknown>; body: string}>((resolve, reject) => {
    const sent = request(`${url}/classify`, {method, headers}, async reply => {
      let text = '';
      for await (const chunk of reply) text += chunk;
      resolve({status: reply.statusCode!, headers: reply.headers, body: text});
    });
    sent.once('error', reject).end(body);
  });
}

const body = '{"text": "spam 0.7"}';
const type = {'content-type': 'application/json'};

describe('a service without a key', () => {
  it('answers no page that is not allowed, nor under a foreign name', async () => {
    const service = await start();
    const foreign = await send(service, 'POST', {...type, origin: 'https://evil.example'}, body);
    expect(foreign).toMatchObject({
      status: 403,
      body: '{"error":"Pages of https://evil.example may not use this service. Allow them with --origin."}',
    });
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
    const rebound = await send(service, 'POST', {...type, host: 'evil.example'}, body);
    expect(rebound).toMatchObject({status: 403, body: expect.stringContaining('--allow-host')});
    expect(service.tally.answered).toBe(0);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'text/plain;application/json',
    '',
  ])('takes no body of type %j, which a page may send unasked', async other => {
    const service = await start();
    const headers: Record<string, string> = other === '' ? {} : {'content-type': other};
    expect(await send(service, 'POST', headers, body)).toMatchObject({status: 415});
    expect(service.tally.answered).toBe(0);
  });

  it.each(['application/json', 'Application/JSON; charset=utf-8', 'application/vnd.api+json'])(
    'takes a body of type %s',
    async json => {
      expect(await send(await start(), 'POST', {'content-type': json}, body)).toMatchObject({status: 200});
    },
  );

  it('lets an allowed page ask, read the reply, and read why it is refused', async () => {
    const origin = 'https://shop.example';
    const service = await start({origins: [origin], key: 'sesame'});
    const asked = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-stainless-lang',
    };
    const preflight = await send(service, 'OPTIONS', asked);
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'authorization,content-type,x-stainless-lang',
        vary: 'Origin',
      },
    });
    const allowed = {'access-control-allow-origin': origin};
    const authorization = 'Bearer sesame';
    expect(await send(service, 'POST', {...type, origin, authorization}, body)).toMatchObject({
      ...{status: 200, headers: allowed},
    });
    expect(await send(service, 'POST', {...type, origin}, body)).toMatchObject({status: 401, headers: allowed});
    expect(await send(service, 'OPTIONS', {...asked, origin: 'https://evil.example'})).toMatchObject({status: 403});
    expect(await post(service, '/classify', {text: 'ham'}, {authorization})).toMatchObject({status: 200});
  });
});
