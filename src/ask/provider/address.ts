import type {Teacher} from '../../teacher.ts';

/** The address of a service's provider, by the account that is charged; undefined if it is a socket, or unknown. */
export function providerOf({service}: Pick<Teacher, 'service'>): URL | undefined {
  const [address = ''] = service?.account.split(' ') ?? [];
  return URL.canParse(address) ? new URL(address) : undefined;
}

/** The blocks of IPv4 that are not on the internet (RFC 1918, 6598 and 3927), and that of this machine. */
const PRIVATE =
  /^(127\.|0\.0\.0\.0$|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;

/** The same of IPv6: this machine, its own network (RFC 4193) and its link. */
const PRIVATE6 = /^\[(::1|f[cd][\da-f]{2}:.*|fe[89ab][\da-f]:.*)\]$/;

/** Names that no provider on the internet has: of this machine, of a network of one's own, or without a dot. */
const PRIVATE_NAME = /^[^.]+$|\.(localhost|local|internal|lan|home\.arpa)$/;

/** True of a server of one's own: on this machine, or at an address that is not on the internet. */
export function isOwnServer({hostname}: URL): boolean {
  if (hostname.startsWith('[')) return PRIVATE6.test(hostname);
  return PRIVATE.test(hostname) || PRIVATE_NAME.test(hostname);
}
