import {describe, expect, it} from 'vitest';
import {isOwnServer, providerOf} from '../../../src/ask/provider/address.ts';

describe('the address of a provider', () => {
  it.each([
    ...['localhost:8080', '127.0.0.1', '127.9.9.9', '0.0.0.0:1', '10.0.0.7', '192.168.1.4', '172.16.0.1', '172.31.9.9'],
    ...['100.64.0.1', '169.254.1.1', 'gpu', 'gpu.local', 'api.internal', 'x.localhost', '[::1]:80', '[fd00::1]'],
    ...['[fe80::1]', 'nas.lan'],
  ])('is a server of your own: %s', host => {
    expect(isOwnServer(new URL(`http://${host}/v1`))).toBe(true);
  });

  it.each([
    ...['api.openai.com', '8.8.8.8', '172.32.0.1', '172.15.0.1', '100.128.0.1', '11.0.0.1', '192.169.0.1'],
    ...['local.example.com', '[2001:db8::1]', '10.example.com'],
  ])('is on the internet: %s', host => {
    expect(isOwnServer(new URL(`https://${host}/v1`))).toBe(false);
  });

  it('is that of the account', () => {
    const service = (account: string) => ({service: {account, reader: 1, read: () => []}});
    expect(providerOf(service('https://api.example.com 3f2a'))?.origin).toBe('https://api.example.com');
    expect(providerOf(service('https://api.example.com'))?.origin).toBe('https://api.example.com');
    expect(providerOf(service('/run/model.sock 3f2a'))).toBeUndefined();
    expect(providerOf({service: undefined})).toBeUndefined();
  });
});
