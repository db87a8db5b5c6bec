import type {IncomingMessage} from 'node:http';
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {PassThrough} from 'node:stream';
import {describe, expect, it} from 'vitest';
import {type BodyLimits, BodyRoom, RequestBody} from '../../src/serve/body.ts';
import {post, services} from './services.ts';

const start = services();

const limits: BodyLimits = {maxBytes: 100, maxValues: 10, room: new BodyRoom(150), patience: 1000};

/** A request whose body comes in these pieces, and ends with the last one. */
function bodyOf(pieces: readonly string[], changes: Partial<BodyLimits> = {}, isWhole = true): RequestBody {
  const stream = new PassThrough();
  for (const piece of pieces) stream.write(piece);
  if (isWhole) stream.end();
  return new RequestBody(Object.assign(stream, {headers: {}}) as unknown as IncomingMessage, {...limits, ...changes});
}

describe('the body of a request', () => {
  it('is read whole, whatever pieces it comes in', async () => {
    expect(await bodyOf(['{"a', '": "ü', '"}']).json()).toEqual({a: 'ü'});
  });

  it('is refused where it is too large, holds too many values, or is no JSON', async () => {
    await expect(bodyOf(['"', 'x'.repeat(99), '"']).json()).rejects.toMatchObject({status: 413});
    const room = new BodyRoom(1000);
    await expect(bodyOf([`[${'0,'.repeat(20)}0]`], {room}).json()).rejects.toMatchObject({
      ...{status: 413, message: 'The body holds more than 10 values. Send fewer inputs at once.'},
    });
    await expect(bodyOf(['{']).json()).rejects.toMatchObject({status: 400});
  });

  it('is waited for no longer than the next bytes may take', async () => {
    const waiting = bodyOf(['[1,'], {patience: 30}, false).json();
    await expect(waiting).rejects.toMatchObject({status: 408});
  });

  it('takes its room until it is released', async () => {
    const room = new BodyRoom(20);
    const first = bodyOf(['"fifteen bytes"'], {room});
    await first.json();
    const second = () => bodyOf(['"another one"'], {room});
    await expect(second().json()).rejects.toMatchObject({status: 503, headers: {'retry-after': '1'}});
    first.release();
    first.release();
    const third = second();
    expect(await third.json()).toBe('another one');
    third.release();
    expect(() => room.take(20)).not.toThrow();
    expect(() => room.take(1)).toThrow('take all room');
  });
});

describe('a service', () => {
  const texts = (count: number) => ({texts: new Array<string>(count).fill('ham')});

  it('takes so many inputs a request, by every protocol', async () => {
    const service = await start({maxInputs: 3});
    const infer = (count: number) => {
      const input = {name: 'input', datatype: 'BYTES', shape: [count], data: new Array(count).fill('ham')};
      return post(service, '/v2/models/mails/infer', {inputs: [input]});
    };
    expect(await post(service, '/classify', texts(3))).toMatchObject({status: 200});
    expect(await infer(3)).toMatchObject({status: 200});
    const refused = {status: 413, body: {error: 'The request holds 4 inputs. Send at most 3 at once.'}};
    expect(await post(service, '/classify', texts(4))).toMatchObject(refused);
    expect(await post(service, '/classify', {inputs: texts(4).texts})).toMatchObject(refused);
    expect(await infer(4)).toMatchObject(refused);
  });

  it('counts inputs by its rate, and by what may wait', async () => {
    const rated = await start({rate: 100});
    expect(await post(rated, '/classify', texts(6))).toMatchObject({status: 200});
    const refused = await post(rated, '/classify', texts(6));
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const never = await post(rated, '/classify', texts(11));
    expect([never.status, never.headers.get('retry-after')]).toEqual([429, null]);
    const small = await start({maxWaiting: 3});
    expect(await post(small, '/classify', texts(4))).toMatchObject({status: 413});
  });

  it('refuses a million texts before it parses them, and hardly pauses', async () => {
    const service = await start();
    const delay = monitorEventLoopDelay({resolution: 5});
    const flood = {texts: new Array<string>(1_000_000).fill('')};
    const body = JSON.stringify(flood);
    const headers = {'content-type': 'application/json'};
    delay.enable();
    const reply = await fetch(`${service.url}/classify`, {method: 'POST', body, headers});
    delay.disable();
    expect(reply.status).toBe(413);
    expect(service.tally.answered).toBe(0);
    expect(delay.max / 1e6).toBeLessThan(250);
  });
});
