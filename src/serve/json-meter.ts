import {RequestFailure} from './failure.ts';

/** Lists and objects inside each other, above which no reader of this service looks for anything. */
const MOST_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENINGS: readonly number[] = [0x5b, 0x7b];
const CLOSINGS: readonly number[] = [0x5d, 0x7d];

/**
 * Counts the values of a JSON text as its bytes arrive, so that a body of a million values is refused before it is parsed:
 * parsing stops everything else that the process does.
 */
export class JsonMeter {
  readonly #most: number;
  #values = 1;
  #depth = 0;
  #isInText = false;
  #isEscaped = false;

  /** @param most - values that the text may hold; lists and objects count as well */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws RequestFailure 413 where there are too many values, 400 where they are nested too deeply */
  add(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#isInText) this.#passText(byte);
      else if (byte === QUOTE) this.#isInText = true;
      else if (byte === COMMA) this.#values++;
      else if (OPENINGS.includes(byte)) this.#open();
      else if (CLOSINGS.includes(byte)) this.#depth--;
    }
    if (this.#values > this.#most) {
      throw new RequestFailure(413, `The body holds more than ${this.#most} values. Send fewer inputs at once.`);
    }
  }

  #passText(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isInText = false;
  }

  #open(): void {
    this.#values++;
    this.#depth++;
    if (this.#depth > MOST_DEPTH) {
      throw new RequestFailure(400, `The body nests lists or objects more than ${MOST_DEPTH} deep.`);
    }
  }
}
