import {withoutFragments} from '../../src/secrets.ts';
import type {Reply} from '../../src/teacher.ts';

/** Targets at which people sign in. */
const SIGN_IN = /\b(log-?in|sign-?in|auth|oauth2?|sso|saml2?|accounts?)\b/i;

/**
 * Says where a redirect points, and what to change. A redirect stays as it is, so that no further attempt can help.
 *
 * @param address - of the service, as the user gave it; undefined if it is not known
 */
export function redirectAdvice({headers}: Reply, address: string | undefined): string {
  const target = targetIn(headers, address);
  if (target === undefined) return 'It redirects without a target. Keys follow no redirect: check `url`.';
  const start = `It redirects to ${target}. Keys follow no redirect`;
  if (SIGN_IN.test(target)) {
    return `${start}. If people sign in there, it takes another key, or the key in another header: see \`key\` and \`keyHeader\`.`;
  }
  const moved = movedAddress(target, address);
  const change = moved === undefined ? 'change `url` so that requests go there' : `give \`url: '${moved}'\``;
  return `${start}: if you trust that address, ${change}.`;
}

/** Returns the target without a user and a query, which can be secrets. */
function targetIn({location}: Reply['headers'], address: string | undefined): string | undefined {
  const [path = ''] = String(location ?? '').split(/[?#]/);
  if (path === '') return undefined;
  // The path of the request is not known here, so that a target beside it stays as it is.
  const base = path.startsWith('/') ? address : undefined;
  if (!URL.canParse(path, base)) return withoutFragments(path);
  const {origin, protocol, host, pathname} = new URL(path, base);
  return withoutFragments(`${origin === 'null' ? `${protocol}//${host}` : origin}${pathname}`);
}

/** Returns the address of the service at another origin; undefined if the path changes, too. */
function movedAddress(target: string, address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(target)) return undefined;
  const {origin, pathname} = new URL(address);
  const path = pathname.replace(/\/$/, '');
  const moved = new URL(target);
  const isUnder = moved.pathname === path || moved.pathname.startsWith(`${path}/`);
  return moved.origin !== origin && isUnder ? `${moved.origin}${path}` : undefined;
}
