import {BlockList, isIP} from 'node:net';
import type {Teacher} from '../../teacher.ts';

/** The address of a service's provider, by the account that is charged; undefined if it is a socket, or unknown. */
export function providerOf({service}: Pick<Teacher, 'service'>): URL | undefined {
  const [address = ''] = service?.account.split(' ') ?? [];
  return URL.canParse(address) ? new URL(address) : undefined;
}

/** This machine, and networks that are not on the internet (RFC 1918, 3927, 4193, 4291 and 6598). */
const PRIVATE = new BlockList();
for (const network of ['0.0.0.0', '10.0.0.0', '127.0.0.0']) PRIVATE.addSubnet(network, 8, 'ipv4');
PRIVATE.addSubnet('100.64.0.0', 10, 'ipv4');
PRIVATE.addSubnet('169.254.0.0', 16, 'ipv4');
PRIVATE.addSubnet('172.16.0.0', 12, 'ipv4');
PRIVATE.addSubnet('192.168.0.0', 16, 'ipv4');
PRIVATE.addAddress('::1', 'ipv6');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');

/** Names that no provider on the internet has: of this machine, of a network of one's own, or without a dot. */
const PRIVATE_NAME = /^[^.]+$|\.(localhost|local|internal|lan|home\.arpa)$/;

/** True of a server of one's own: on this machine, or at an address that is not on the internet. */
export function isOwnServer({hostname}: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  const version = isIP(host);
  return version === 0 ? PRIVATE_NAME.test(host) : PRIVATE.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
