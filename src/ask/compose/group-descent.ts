import {InputError} from '../../errors.ts';
import {coarsen, labelOf} from '../../knowledge/coarsen.ts';
import type {Answer, TopKAnswer} from '../../teacher.ts';
import {ROUNDING, unknownBest} from './combination.ts';

/** Where the classes of each group are: their indices among all classes. */
export type GroupIndices = readonly (readonly number[])[];

/** A class or a group, with its log-probability. */
interface Named {
  readonly index: number;
  readonly logProbability: number;
}

/** What an answer names, the most probable first, and what it leaves to others. */
interface Shown {
  readonly named: readonly Named[];
  /** The probability of none of what is named. */
  readonly rest: number;
  /** The most that one that is not named can have. */
  readonly unnamed: number;
}

/**
 * One input on its way from groups to classes. The probability of a class is that of its group times that of the class
 * within the group.
 */
export class GroupDescent {
  readonly #groups: GroupIndices;
  readonly #first: Shown;
  /** By group, what is known of its classes. */
  readonly #within = new Map<number, Shown>();

  constructor(groups: GroupIndices, first: Answer) {
    this.#groups = groups;
    this.#first = shownBy(first, groups.length);
    for (const {index} of this.#first.named) {
      // The only class of a group has all of its probability.
      if (groups[index]!.length === 1) this.#within.set(index, ONLY);
    }
  }

  take(group: number, answer: Answer): void {
    this.#within.set(group, shownBy(answer, this.#groups[group]!.length));
  }

  /**
   * The group to ask about next: the most probable one, until the most probable class is known and this share of the
   * probability is divided among classes. Undefined: it is, or all groups that are named are asked.
   */
  next(coverage: number): number | undefined {
    const open = this.#first.named.find(({index}) => !this.#within.has(index));
    if (open === undefined) return undefined;
    return this.#covered >= coverage && this.#known.length > 0 ? undefined : open.index;
  }

  /**
   * The classes whose rank among all classes is known, from the most probable down to the point at which an unknown
   * class can come first. All else is the rest.
   *
   * @throws TeacherError if the most probable class isn't known
   */
  answer(name: string): TopKAnswer {
    const known = this.#known;
    if (known.length === 0) throw unknownBest(name);
    return {
      kind: 'top-k',
      classes: Int32Array.from(known, ({index}) => index),
      logProbabilities: Float32Array.from(known, ({logProbability}) => logProbability),
      rest: Math.min(1, Math.max(0, this.#mass - massOf(known))),
    };
  }

  /** All of the probability: of groups, and of none of them. */
  get #mass(): number {
    return this.#first.rest + massOf(this.#first.named);
  }

  get #covered(): number {
    return massOf(this.#first.named.filter(({index}) => this.#within.has(index)));
  }

  /** The most that a class can have of which nothing is known. */
  get #ceiling(): number {
    const inGroups = this.#first.named.map(({index, logProbability}) => {
      return Math.exp(logProbability) * (this.#within.get(index)?.unnamed ?? 1);
    });
    return Math.max(this.#first.unnamed, ...inGroups);
  }

  get #known(): readonly Named[] {
    const ceiling = this.#ceiling;
    return this.#first.named
      .flatMap(group => {
        const {named = []} = this.#within.get(group.index) ?? {};
        return named.map(({index, logProbability}) => ({
          index: this.#groups[group.index]![index]!,
          logProbability: group.logProbability + logProbability,
        }));
      })
      .filter(({logProbability}) => Math.exp(logProbability) * ROUNDING >= ceiling)
      .sort((one, other) => other.logProbability - one.logProbability);
  }
}

/** The probability of all of them together. */
function massOf(named: readonly Named[]): number {
  return named.reduce((sum, {logProbability}) => sum + Math.exp(logProbability), 0);
}

const ONLY: Shown = {named: [{index: 0, logProbability: 0}], rest: 0, unnamed: 0};

/** @param count - how many there are: groups, or classes of a group */
function shownBy(answer: Answer, count: number): Shown {
  if (answer.kind === 'label' || answer.kind === 'votes') {
    return {named: [{index: labelOf(answer), logProbability: 0}], rest: 0, unnamed: 0};
  }
  const {classes, logProbabilities, rest} = coarsen(answer, {kind: 'top-k', k: count});
  return {
    named: Array.from(classes, (index, position) => ({index, logProbability: logProbabilities[position]!})),
    rest,
    unnamed: classes.length < count ? Math.min(rest, Math.exp(logProbabilities.at(-1)!)) : 0,
  };
}

/** @throws InputError if a class is in two groups or in none, or a group is empty */
export function groupIndices(
  groups: Readonly<Record<string, readonly string[]>>,
  classes: readonly string[],
): GroupIndices {
  const owners = new Map<string, string>();
  for (const [group, own] of Object.entries(groups)) {
    if (own.length === 0) throw new InputError(`The group \`${group}\` has no classes. Leave it out.`);
    for (const name of own) {
      const other = owners.get(name);
      if (other !== undefined) {
        throw new InputError(`The class \`${name}\` is in the groups \`${other}\` and \`${group}\`. Leave it in one.`);
      }
      owners.set(name, group);
    }
  }
  const lost = classes.find(name => !owners.has(name)) ?? [...owners.keys()].find(name => !classes.includes(name));
  if (lost !== undefined) {
    throw new InputError(`The class \`${lost}\` is not both in a group and in \`classes\`. Give each class one group.`);
  }
  return Object.values(groups).map(own => own.map(name => classes.indexOf(name)));
}
