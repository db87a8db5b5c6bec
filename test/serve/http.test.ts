import {once} from 'node:events';
import {connect, type Socket} from 'node:net';
import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import type {RunningService} from '../../src/serve/server.ts';
import {classes, services, student, until} from './services.ts';

const start = services();

/** Takes a while for each text, the longer the earlier it comes. */
const slow = {
  ...student,
  async ask(...[queries, options]: Parameters<typeof student.ask>) {
    await setTimeout(30);
    return student.ask(queries, options);
  },
};

function classifying(text: string): string {
  const body = JSON.stringify({text});
  const head = 'POST /classify HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
  return `${head}content-length: ${body.length}\r\n\r\n${body}`;
}

async function connected({url}: RunningService): Promise<Socket & {readonly said: () => string}> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  let said = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return Object.assign(socket, {said: () => said});
}

describe('a service that closes', () => {
  it('answers all pipelined requests that it has read, in order, and then hangs up', async () => {
    const service = await start({}, slow);
    const socket = await connected(service);
    const texts = Array.from({length: 6}, (_, index) => `${classes[index % 3]} 0.${index + 4}`);
    socket.write(texts.map(classifying).join(''));
    await until(() => socket.said().length > 0);
    const ended = once(socket, 'end');
    await service.close();
    await ended;
    const labels = Array.from(socket.said().matchAll(/"label":"(\w+)"/g), ([, label]) => label);
    expect(labels).toEqual(texts.map(text => text.split(' ')[0]));
    expect(socket.said().match(/connection: close/g)).toHaveLength(1);
  });

  it('reads what has come before it began to close', async () => {
    const service = await start({}, slow);
    const socket = await connected(service);
    // One request after another on a connection that is kept, as clients have it.
    socket.write(classifying('ham 0.9'));
    await until(() => socket.said().includes('"ham"'));
    const ended = once(socket, 'end');
    socket.write(classifying('spam 0.9'), () => void service.close());
    await ended;
    expect(socket.said()).toContain('"label":"spam"');
  });

  it('does not wait for clients that send no whole request', async () => {
    const service = await start();
    const socket = await connected(service);
    socket.write('POST /classify HTTP/1.1\r\nhost: loc');
    await setTimeout(20);
    const closed = once(socket, 'close');
    await service.close();
    await closed;
    expect(socket.said()).toBe('');
  });
});
