import {FAULTS, type FaultKind} from './faults.ts';

/** What the service knows of one input. Exactly once is: `paid - spoilt` is 1. */
export interface Tally {
  /** Requests about it that came. */
  asked: number;
  /** Of these, answered with 200, and so charged. */
  paid: number;
  /** Of the paid, those that no client can make use of, for the service's own faults or a client that went away. */
  spoilt: number;
  /** Times that the client was left without a whole reply, unable to know if it was charged. */
  doubtful: number;
  /** Faults that it met. */
  faults: number;
}

export interface HostileStats {
  /** Requests for answers that came. */
  readonly requests: number;
  /** Of these, refused by the limits of requests and tokens. */
  readonly limited: number;
  /** Of these, refused for their key. */
  readonly unauthorized: number;
  /** Requests to anywhere else, such as where a redirect points. */
  readonly strays: number;
  /** The most requests that were under way at once. */
  readonly mostAtOnce: number;
  readonly faults: {readonly [kind in FaultKind]?: number};
  /** By `inputName`. */
  readonly inputs: {readonly [name: string]: Tally};
}

/** The service's books. */
export class Tallies {
  readonly counts = {requests: 0, limited: 0, unauthorized: 0, strays: 0, mostAtOnce: 0};
  readonly #faults: {[kind in FaultKind]?: number} = {};
  readonly #inputs = new Map<string, Tally>();

  /** Of one input, to be added to. */
  of(name: string): Tally {
    const known = this.#inputs.get(name);
    if (known) return known;
    const fresh = {asked: 0, paid: 0, spoilt: 0, doubtful: 0, faults: 0};
    this.#inputs.set(name, fresh);
    return fresh;
  }

  add(names: readonly string[], field: keyof Tally): void {
    for (const name of names) this.of(name)[field]++;
  }

  /** Enters a fault that a request about some inputs meets. */
  addFault(kind: FaultKind, names: readonly string[], row: number): void {
    const {isPaid, spoils, leavesDoubt} = FAULTS[kind];
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
    const met = spoils === 'one' ? [names[row]!] : names;
    this.add(met, 'faults');
    if (isPaid) this.add(names, 'paid');
    if (isPaid && spoils !== 'none') this.add(met, 'spoilt');
    if (leavesDoubt) this.add(names, 'doubtful');
  }

  stats(): HostileStats {
    return {...this.counts, faults: {...this.#faults}, inputs: Object.fromEntries(this.#inputs)};
  }
}
