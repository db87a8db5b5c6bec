import {InputError} from '../../errors.ts';
import {ROLES, type Role} from '../split.ts';
import {textsIn} from './read.ts';
import {locationOf, type ReadTextsOptions, type TextRecord} from './record.ts';

/** Texts of all sources, without those that are empty or too long. */
export interface Gathered {
  readonly classes: readonly string[];
  readonly texts: readonly string[];
  /** For each text, the index of its class, or -1. */
  readonly labels: Int32Array;
  /** For each text, true if it was cut. */
  readonly isCut: readonly boolean[];
  /** For each text, the index of its role among train, validation and test. */
  readonly roles: Uint8Array;
  /** The roles whose texts have labels. */
  readonly labelled: ReadonlySet<Role>;
  readonly read: number;
  readonly empty: number;
  readonly tooLong: number;
}

type Options = Omit<ReadTextsOptions, 'empty'> & LengthRule & {readonly classes?: readonly string[] | undefined};

/** @throws InputError if only some texts of a source have labels, or if a label is not a class */
export async function gatherTexts(
  sources: readonly {readonly role: Role; readonly path: string}[],
  options: Options,
): Promise<Gathered> {
  const texts: string[] = [];
  const isCut: boolean[] = [];
  const roles: number[] = [];
  const labels = new Labels(options.classes, 'texts');
  const labelled = new Set<Role>();
  let [read, empty, tooLong] = [0, 0, 0];
  for (const {role, path} of sources) {
    const seen = new LabelsSeen('texts');
    for await (const record of textsIn(path, {...options, empty: 'keep'})) {
      read++;
      if (record.text.trim() === '') {
        empty++;
        continue;
      }
      const text = fitted(record.text, options);
      if (text === undefined) {
        tooLong++;
        continue;
      }
      seen.add(record);
      labels.add(record);
      texts.push(text);
      isCut.push(text !== record.text);
      roles.push(ROLES.indexOf(role));
    }
    if (seen.areThere(path)) labelled.add(role);
  }
  const {classes, indices} = labels.sorted();
  return {classes, texts, labels: indices, isCut, roles: Uint8Array.from(roles), labelled, read, empty, tooLong};
}

type Labelled = Pick<TextRecord, 'label' | 'file' | 'line'>;

/** Counts the examples of a source with and without a label. */
export class LabelsSeen {
  readonly #noun: string;
  #with = 0;
  #without = 0;
  #firstWithout: Labelled | undefined;

  /** @param noun - what the examples are, for messages */
  constructor(noun: string) {
    this.#noun = noun;
  }

  add(record: Labelled): void {
    if (record.label !== undefined) {
      this.#with++;
      return;
    }
    this.#without++;
    this.#firstWithout ??= record;
  }

  /**
   * True if they have labels.
   *
   * @throws InputError if only some have one
   */
  areThere(path: string): boolean {
    if (this.#firstWithout === undefined || this.#with === 0) return this.#with > 0;
    throw new InputError(
      `${path}: ${this.#with} ${this.#noun} have a label and ${this.#without} have none, the first of these at ${locationOf(this.#firstWithout)}. ` +
        'Give all of them one, or set `label: false` to read none.',
    );
  }
}

/** Labels as indices of classes. */
export class Labels {
  private readonly given: boolean;
  private readonly indexByName: Map<string, number>;
  private readonly indices: number[] = [];

  private readonly noun: string;

  /** @param noun - what the examples are, for messages */
  constructor(classes: readonly string[] | undefined, noun: string) {
    this.noun = noun;
    this.given = classes !== undefined;
    this.indexByName = new Map(classes?.map((name, index) => [name, index]));
    if (classes !== undefined && this.indexByName.size !== classes.length) {
      throw new InputError(`Two of the \`classes\` have the same name: ${classes.join(', ')}.`);
    }
  }

  add(record: Labelled): void {
    const {label} = record;
    if (label === undefined) {
      this.indices.push(-1);
      return;
    }
    let index = this.indexByName.get(label);
    if (index === undefined) {
      if (this.given) {
        throw new InputError(
          `${locationOf(record)}: label ${JSON.stringify(label)} is none of the classes (${[...this.indexByName.keys()].join(', ')}). ` +
            'Correct it, or add it to `classes`.',
        );
      }
      index = this.indexByName.size;
      this.indexByName.set(label, index);
    }
    this.indices.push(index);
  }

  /** The classes in the order that was given, or else sorted by their characters. */
  sorted(): {readonly classes: readonly string[]; readonly indices: Int32Array} {
    const names = [...this.indexByName.keys()];
    if (names.length === 0 && !this.given) {
      throw new InputError(
        `The ${this.noun} have no labels. Name their possible \`classes\`; for a teacher that gives vectors, \`classes: []\`.`,
      );
    }
    if (this.given) return {classes: names, indices: Int32Array.from(this.indices)};
    const classes = names.toSorted();
    const moved = names.map(name => classes.indexOf(name));
    return {classes, indices: Int32Array.from(this.indices, index => (index < 0 ? -1 : moved[index]!))};
  }
}

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
