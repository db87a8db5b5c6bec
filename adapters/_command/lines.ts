import {keepSecret} from '../../src/secrets.ts';

/** Splits text that comes in pieces into lines, which end in `\n` or `\r\n`. */
export class LineSplitter {
  readonly #longest: number;
  #rest = '';

  /** @param longest - the longest line, in UTF-16 code units */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The lines that this piece ends, without their ends; undefined where a line has become too long. */
  push(piece: string): readonly string[] | undefined {
    // A long line is put together before it is searched: once, not with every piece.
    this.#rest += piece;
    if (!piece.includes('\n')) return this.#rest.length > this.#longest ? undefined : [];
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop()!;
    if (lines.some(line => line.length > this.#longest) || this.#rest.length > this.#longest) return undefined;
    return lines.map(line => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }
}

/**
 * A line of JSON. Characters that some languages end lines at (Node's readline, Python's `splitlines`) are escaped.
 */
export function lineOf(value: object): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(value).replace(/[\u0085\u2028\u2029]/g, escaped)}\n`;
}

/** The end of what a program said, for messages. */
export class Tail {
  readonly #secrets: readonly string[];
  #text = '';

  /** @param env - what the program was given beside this process's environment; its values are not shown */
  constructor(env: Readonly<Record<string, string>>) {
    this.#secrets = secretsIn(env);
  }

  push(piece: string): void {
    this.#text = (this.#text + piece).slice(-4000);
  }

  /** The last lines that say something, without what only a terminal understands; empty where there are none. */
  toString(): string {
    const lines = this.#secrets
      .reduce((text, secret) => text.replaceAll(secret, '***'), this.#text)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of terminals are such characters
      .replace(/\u001b\[[\d;]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
      .split('\n')
      .filter(line => line.trim() !== '');
    return lines.slice(-8).join('\n').slice(-1000);
  }
}

/** Names of variables whose values may be written nowhere, whoever says them. */
const SECRET = /(?:^|_)(?:api_?key|key|token|secret|passw(?:or)?d|credentials?)(?:_|$)/i;

/** Values that a program may know and nobody should read: a shorter one would be found in every other word. */
function secretsIn(env: Readonly<Record<string, string>>): readonly string[] {
  const named = Object.entries({...process.env, ...env}).filter(([name]) => SECRET.test(name));
  for (const [, value] of named) keepSecret(value);
  const inherited = Object.entries(process.env).filter(([name]) => /key|token|secret|passw/i.test(name));
  return [...Object.values(env), ...inherited.map(([, value]) => value ?? '')].filter(value => value.length >= 6);
}
