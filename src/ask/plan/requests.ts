import type {Query, Service, Teacher, Usage} from '../../teacher.ts';
import {batchEnd} from '../batches.ts';
import type {Charge} from '../budget/price.ts';
import {combine, sumOf} from '../budget/tokens.ts';
import {packingOf} from '../probe/packing-verdicts.ts';

const NO_TOKENS: Usage = {inputTokens: 0, outputTokens: 0};

/** The requests that would be sent, and the tokens that they can use. */
export class Requests {
  readonly #service: Service | undefined;
  readonly #limits: Pick<Teacher, 'maxBatch' | 'questions'>;
  readonly #packs: boolean;
  #calls = 0;
  #alone: Charge = {calls: 0, usage: NO_TOKENS};
  #isBounded = true;
  #most: Usage = {inputTokens: 0, outputTokens: 0};
  #least: Usage = {inputTokens: 0, outputTokens: 0};

  constructor(teacher: Pick<Teacher, 'service' | 'maxBatch' | 'questions'>) {
    this.#service = teacher.service;
    this.#limits = teacher;
    this.#packs = packingOf(teacher) !== undefined;
  }

  /** The requests about the inputs of packs one by one, which are asked again alone at worst. */
  get alone(): Charge {
    return this.#alone;
  }

  get calls(): number {
    return this.#calls;
  }

  /** False if the service counts tokens, and the most tokens of one of them are not known. */
  get isBounded(): boolean {
    return this.#isBounded;
  }

  /** The tokens if each is as long as can be. */
  get most(): Usage {
    return this.#most;
  }

  /** The tokens if each is as short as can be. */
  get least(): Usage {
    return this.#least;
  }

  /** Adds queries that come together. Each request holds as many as the teacher takes. */
  add(queries: readonly Query[]): void {
    for (let start = 0, end = 0; start < queries.length; start = end) {
      end = batchEnd(queries, start, this.#limits);
      this.#addRequest(queries.slice(start, end));
    }
  }

  /** Adds queries that can come one after another, a request each. */
  addEach(queries: readonly Query[]): void {
    for (const query of queries) this.#addRequest([query]);
  }

  #addRequest(queries: readonly Query[]): void {
    this.#calls++;
    if (this.#packs && queries.length > 1) this.#addAlone(queries);
    const usage = this.#service?.worstCase?.(queries);
    if (!usage) {
      this.#isBounded &&= this.#service?.worstCase === undefined;
      return;
    }
    this.#most = sumOf(this.#most, usage);
    const least = this.#service?.leastCase?.(queries) ?? {inputTokens: queries.length, outputTokens: queries.length};
    this.#least = sumOf(this.#least, combine(least, usage, Math.min));
  }

  #addAlone(queries: readonly Query[]): void {
    const usages = queries.flatMap(query => this.#service?.worstCase?.([query]) ?? []);
    const {calls, usage = NO_TOKENS} = this.#alone;
    this.#alone = {calls: calls + queries.length, usage: usages.reduce(sumOf, usage)};
  }
}
