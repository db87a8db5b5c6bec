/**
 * The secrets that this process knows, and texts without them. A service can send a key back, in an answer or in an
 * error, and its texts are written to many files.
 */

/** Shorter texts are no secrets, and would be found in every other word. */
const SHORTEST = 6;
/** A secret with more letters and digits is also found with other characters between them. */
const LOOSE = 12;

const INSTEAD = '[secret]';

/** The forms in which one secret is found. */
interface Forms {
  /** In any case. */
  readonly loose: RegExp;
  /** In base64 and hexadecimal. They are masked at their length, so that the text around them can still be decoded. */
  readonly encoded: readonly string[];
}

const known = new Map<string, Forms>();

/**
 * Registers a secret, so that no written text holds it.
 *
 * @returns the secret
 */
export function keepSecret<T extends string | undefined>(secret: T): T {
  if (secret !== undefined && secret.length >= SHORTEST && !known.has(secret)) known.set(secret, formsOf(secret));
  return secret;
}

/**
 * A text without the known secrets: as they are, in another case, backwards, with other characters in them, in
 * hexadecimal or base64, alone or within something longer, or escaped as in JSON, HTML and URLs.
 */
export function withoutSecrets(text: string): string {
  if (known.size === 0) return text;
  const clean = withoutForms(text);
  let plain = clean;
  for (const {mark, sign, plainOf} of ESCAPES) {
    if (plain.includes(mark)) plain = plain.replace(sign, (whole, code?: string) => plainOf(whole, code));
  }
  // In a text without an escaped secret every character stays as it was.
  if (plain === clean) return clean;
  const found = withoutForms(plain);
  return found === plain ? clean : found;
}

/** The fewest letters and digits in a row that a word does not share with a secret by chance, if one is a digit. */
const RUN = 6;
/** The same for letters alone. */
const RUN_OF_LETTERS = 9;

/** A word of a service, with what can be in a key or in an address. */
const WORD = /[\w*•…./+=:@-]+/g;

/**
 * A text of a service without words that can be made of a secret: a part of it, backwards or in another case, or its
 * ends around stars or dots.
 */
export function withoutFragments(text: string): string {
  if (known.size === 0) return text;
  const secrets = [...known.keys()].map(secret => lettersOf(secret));
  return text.replace(WORD, word => (secrets.some(secret => isMadeOf(secret, word)) ? INSTEAD : word));
}

function isMadeOf(secret: string, word: string): boolean {
  const [start, end] = word.split(/\*{2,}|•+|…|\.{3,}/).map(lettersOf);
  if (start!.length > 1 && end !== undefined && secret.startsWith(start!)) return true;
  if (end !== undefined && end.length > 1 && secret.endsWith(end)) return true;
  const letters = lettersOf(word);
  const both = `${secret} ${reversed(secret)}`;
  for (let from = 0; from + RUN <= letters.length; from++) {
    const length = /\d/.test(letters.slice(from, from + RUN)) ? RUN : RUN_OF_LETTERS;
    const run = letters.slice(from, from + length);
    if (run.length === length && both.includes(run)) return true;
  }
  return letters !== '' && letters === secret;
}

function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^a-z\d]/g, '');
}

/** The part of a service's reply that is cleaned. */
interface Reply {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** Replies that hold no secret, so that none is searched twice. */
const clean = new WeakSet<Reply>();

/** A reply without the known secrets; the same object if it holds none. */
export function replyWithoutSecrets<R extends Reply>(reply: R): R {
  if (known.size === 0 || clean.has(reply)) return reply;
  const body = withoutSecrets(reply.body);
  const headers = headersWithoutSecrets(reply.headers);
  const cleaned = body === reply.body && headers === reply.headers ? reply : {...reply, body, headers};
  markClean(cleaned);
  return cleaned;
}

/** Declares that a reply was made from parts without secrets. */
export function markClean(reply: Reply): void {
  if (known.size > 0) clean.add(reply);
}

function headersWithoutSecrets(headers: Reply['headers']): Reply['headers'] {
  let cleaned: Record<string, Reply['headers'][string]> | undefined;
  for (const [name, value] of Object.entries(headers)) {
    const found = typeof value === 'string' ? withoutSecrets(value) : value?.map(withoutSecrets);
    if (String(found) === String(value)) continue;
    cleaned ??= {...headers};
    cleaned[name] = found;
  }
  return cleaned ?? headers;
}

function withoutForms(text: string): string {
  let clean = text;
  for (const forms of known.values()) clean = without(clean, forms);
  return clean;
}

function without(text: string, {loose, encoded}: Forms): string {
  let clean = text.replace(loose, INSTEAD);
  for (const form of encoded) if (clean.includes(form)) clean = clean.replaceAll(form, 'X'.repeat(form.length));
  return clean;
}

function formsOf(secret: string): Forms {
  const bytes = Buffer.from(secret);
  const letters = secret.replace(/[^a-z\d]/gi, '');
  const plain =
    letters.length >= LOOSE ? [letters, reversed(letters)].map(spread) : [secret, reversed(secret)].map(exact);
  const hexadecimal = bytes.toString('hex');
  const encoded = [0, 1, 2].map(before => middleOf(bytes, before)).filter(form => form.length >= SHORTEST);
  const urlSafe = encoded.map(form => form.replaceAll('+', '-').replaceAll('/', '_'));
  return {
    loose: new RegExp(plain.join('|'), 'gi'),
    encoded: [...new Set([...encoded, ...urlSafe, hexadecimal, hexadecimal.toUpperCase()])],
  };
}

/** Base64 of the bytes after `before` other bytes, without the characters that hold bits of its neighbours. */
function middleOf(bytes: Buffer, before: number): string {
  const whole = Buffer.concat([Buffer.alloc(before), bytes]);
  const start = before === 0 ? 0 : 4;
  return whole.toString('base64').slice(start, 4 * Math.floor(whole.length / 3));
}

/** Up to three other characters can be between two letters, but not the end of a JSON text. */
function spread(letters: string): string {
  return [...letters].join('[^a-z0-9"]{0,3}');
}

function exact(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function reversed(text: string): string {
  return [...text].reverse().join('');
}

/** Another way to write a character. */
interface Escape {
  /** A substring of every text that has one. */
  readonly mark: string;
  readonly sign: RegExp;
  readonly plainOf: (whole: string, code: string | undefined) => string;
}

const ESCAPES: readonly Escape[] = [
  {mark: '\\u', sign: /\\u([\da-f]{4})/gi, plainOf: (whole, code) => signOf(whole, code!, 16)},
  {mark: '\\/', sign: /\\\//g, plainOf: () => '/'},
  {mark: '%', sign: /%([2-7][\da-f])/gi, plainOf: (whole, code) => signOf(whole, code!, 16)},
  {mark: '&#', sign: /&#x([\da-f]{1,6});/gi, plainOf: (whole, code) => signOf(whole, code!, 16)},
  {mark: '&#', sign: /&#(\d{1,7});/g, plainOf: (whole, code) => signOf(whole, code!, 10)},
  {mark: '&amp;', sign: /&amp;/g, plainOf: () => '&'},
];

/** Escapes with a meaning in JSON stay escaped. */
function signOf(whole: string, digits: string, base: number): string {
  const sign = Number.parseInt(digits, base);
  return sign > 0x20 && sign < 0x7f && sign !== 0x22 && sign !== 0x5c ? String.fromCharCode(sign) : whole;
}
