import {once} from 'node:events';
import {createServer} from 'node:net';
import {expect, onTestFinished, test} from 'vitest';
import {freePort} from './free-port.ts';

test('ports for servers are below those that systems give out, and one in use is passed over', async () => {
  const first = await freePort();
  const others: number[] = [];
  const server = createServer().listen(first + 1, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  for (let count = 0; count < 30; count++) others.push(await freePort());
  expect(others).toContain(first);
  expect(others).not.toContain(first + 1);
  expect(new Set(others).size).toBe(23);
  expect(Math.max(...others)).toBeLessThan(32_768);
});
