import {InputError} from '../../errors.ts';

/** The rule for texts that are too long to be asked about. */
export interface LengthRule {
  /**
   * The most characters (UTF-16 code units) of a text.
   *
   * @default no limit
   */
  readonly longest?: number | undefined;
  /**
   * The treatment of a longer text: keep its `head`, keep half of each of its `head-and-tail` with ` … ` between, or
   * `leave-out`.
   *
   * @default 'head'
   */
  readonly overLength?: 'head' | 'head-and-tail' | 'leave-out' | undefined;
}

/** The mark that replaces the middle of a text. */
const GAP = ' … ';

/** @throws InputError if the length is out of its range */
export function checkLength({longest, overLength}: LengthRule): void {
  if (longest === undefined) {
    if (overLength === undefined) return;
    throw new InputError(
      '`overLength` has no effect without `longest`. Set `longest` to the most characters of a text.',
    );
  }
  if (!Number.isInteger(longest) || longest < 16) {
    throw new InputError(`Expected \`longest\` to be a whole number from 16, got ${longest}.`);
  }
}

/** Applies the rule to a text; undefined if the text is left out. No character is cut in two. */
export function fitted(text: string, {longest, overLength = 'head'}: LengthRule): string | undefined {
  if (longest === undefined || text.length <= longest) return text;
  if (overLength === 'leave-out') return undefined;
  if (overLength === 'head') return text.slice(0, boundary(text, longest));
  const room = longest - GAP.length;
  const head = boundary(text, Math.ceil(room / 2));
  const tail = text.length - Math.floor(room / 2);
  return text.slice(0, head) + GAP + text.slice(boundary(text, tail) === tail ? tail : tail + 1);
}

/** The index, or the one before it if the index is inside a character. */
function boundary(text: string, index: number): number {
  return isLow(text.charCodeAt(index)) && isHigh(text.charCodeAt(index - 1)) ? index - 1 : index;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
