import {keepSecret} from '../../src/secrets.ts';

/** Splits text that arrives in chunks into lines, which end in `\n` or `\r\n`. */
export class LineSplitter {
  readonly #longest: number;
  #rest = '';

  /** @param longest - the most UTF-16 code units of a line */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** Returns the lines that this chunk completes, without line ends; undefined if a line has become too long. */
  push(piece: string): readonly string[] | undefined {
    // A long line is searched once when it is complete, not with every chunk.
    this.#rest += piece;
    if (!piece.includes('\n')) return this.#rest.length > this.#longest ? undefined : [];
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop()!;
    if (lines.some(line => line.length > this.#longest) || this.#rest.length > this.#longest) return undefined;
    return lines.map(line => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }
}

/**
 * Returns a line of JSON. It escapes characters at which some languages end lines (Node's readline, Python's
 * `splitlines`).
 */
export function lineOf(value: object): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(value).replace(/[\u0085\u2028\u2029]/g, escaped)}\n`;
}

/** Keeps the end of a program's output, for messages. */
export class Tail {
  readonly #secrets: readonly string[];
  #text = '';

  /** @param env - the program's environment beyond this process's; its values are not shown */
  constructor(env: Readonly<Record<string, string>>) {
    this.#secrets = secretsIn(env);
  }

  push(piece: string): void {
    this.#text = (this.#text + piece).slice(-4000);
  }

  /** Returns the last lines with text, without terminal control codes; empty if there are none. */
  toString(): string {
    const lines = this.#secrets
      .reduce((text, secret) => text.replaceAll(secret, '***'), this.#text)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals use such characters for colours
      .replace(/\u001b\[[\d;]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
      .split('\n')
      .filter(line => line.trim() !== '');
    return lines.slice(-8).join('\n').slice(-1000);
  }
}

/** Names of variables whose values must never be written down. */
const SECRET = /(?:^|_)(?:api_?key|key|token|secret|passw(?:or)?d|credentials?)(?:_|$)/i;

/** Returns values that the program knows and nobody must read. Shorter ones would match parts of ordinary words. */
function secretsIn(env: Readonly<Record<string, string>>): readonly string[] {
  const named = Object.entries({...process.env, ...env}).filter(([name]) => SECRET.test(name));
  for (const [, value] of named) keepSecret(value);
  const inherited = Object.entries(process.env).filter(([name]) => /key|token|secret|passw/i.test(name));
  return [...Object.values(env), ...inherited.map(([, value]) => value ?? '')].filter(value => value.length >= 6);
}
