import {InputError} from '../../errors.ts';

/** What becomes of texts that are too long to be asked about. */
export interface LengthRule {
  /**
   * The most characters (UTF-16 code units) of a text.
   *
   * @default no limit
   */
  readonly longest?: number;
  /**
   * What becomes of a longer one: its `head` is kept, or its `head-and-tail`, half of each with ` … ` between, or it is
   * left out.
   *
   * @default 'head'
   */
  readonly overLength?: 'head' | 'head-and-tail' | 'leave-out';
}

/** What stands for the middle of a text. */
const GAP = ' … ';

/** @throws InputError where the length is out of its range */
export function checkLength({longest, overLength}: LengthRule): void {
  if (longest === undefined) {
    if (overLength === undefined) return;
    throw new InputError('Say with `longest` from how many characters on `overLength` holds.');
  }
  if (!Number.isInteger(longest) || longest < 16) {
    throw new InputError(`Expected \`longest\` to be a whole number from 16, got ${longest}.`);
  }
}

/** A text as the rule has it; undefined where it is to be left out. No character is cut in two. */
export function fitted(text: string, {longest, overLength = 'head'}: LengthRule): string | undefined {
  if (longest === undefined || text.length <= longest) return text;
  if (overLength === 'leave-out') return undefined;
  if (overLength === 'head') return text.slice(0, boundary(text, longest));
  const room = longest - GAP.length;
  const head = boundary(text, Math.ceil(room / 2));
  const tail = text.length - Math.floor(room / 2);
  return text.slice(0, head) + GAP + text.slice(boundary(text, tail) === tail ? tail : tail + 1);
}

/** The place, or the one before it where that is inside a character. */
function boundary(text: string, index: number): number {
  return isLow(text.charCodeAt(index)) && isHigh(text.charCodeAt(index - 1)) ? index - 1 : index;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
