import {InputError} from '../../errors.ts';
import type {Role} from '../split.ts';
import {ROLES} from './assign.ts';
import {fitted, type LengthRule} from './length.ts';
import {readTexts} from './read.ts';
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
  const labels = new Labels(options.classes);
  const labelled = new Set<Role>();
  let [read, empty, tooLong] = [0, 0, 0];
  for (const {role, path} of sources) {
    const seen: SeenLabels = {with: 0, without: 0};
    for await (const record of readTexts(path, {...options, empty: 'keep'})) {
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
      see(seen, record);
      labels.add(record);
      texts.push(text);
      isCut.push(text !== record.text);
      roles.push(ROLES.indexOf(role));
    }
    if (hasLabels(seen, path)) labelled.add(role);
  }
  const {classes, indices} = labels.sorted();
  return {classes, texts, labels: indices, isCut, roles: Uint8Array.from(roles), labelled, read, empty, tooLong};
}

interface SeenLabels {
  with: number;
  without: number;
  firstWith?: TextRecord;
  firstWithout?: TextRecord;
}

function see(seen: SeenLabels, record: TextRecord): void {
  if (record.label === undefined) {
    seen.without++;
    seen.firstWithout ??= record;
  } else {
    seen.with++;
    seen.firstWith ??= record;
  }
}

function hasLabels({with: count, without, firstWithout}: SeenLabels, path: string): boolean {
  if (firstWithout === undefined || count === 0) return count > 0;
  throw new InputError(
    `${path}: ${count} texts have a label and ${without} have none, the first of these at ${locationOf(firstWithout)}. ` +
      'Give all of them one, or set `label: false` to read none.',
  );
}

/** Labels as indices of classes. */
class Labels {
  private readonly given: boolean;
  private readonly indexByName: Map<string, number>;
  private readonly indices: number[] = [];

  constructor(classes: readonly string[] | undefined) {
    this.given = classes !== undefined;
    this.indexByName = new Map(classes?.map((name, index) => [name, index]));
    if (classes !== undefined && this.indexByName.size !== classes.length) {
      throw new InputError(`Two of the \`classes\` have the same name: ${classes.join(', ')}.`);
    }
  }

  add(record: TextRecord): void {
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
    if (names.length === 0) throw new InputError('The texts have no labels. Name their possible `classes`.');
    if (this.given) return {classes: names, indices: Int32Array.from(this.indices)};
    const classes = names.toSorted();
    const moved = names.map(name => classes.indexOf(name));
    return {classes, indices: Int32Array.from(this.indices, index => (index < 0 ? -1 : moved[index]!))};
  }
}
