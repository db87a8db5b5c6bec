import {randomInt} from 'node:crypto';
import {setImmediate} from 'node:timers/promises';
import {type RandomGenerator, randomFraction, seededRandom} from '../data/random.ts';
import {InputError} from '../errors.ts';
import {labelOf} from '../knowledge/coarsen.ts';
import type {Answer} from '../teacher.ts';
import type {Fallback, Tally} from './decision.ts';
import type {Asked, TeacherGateway} from './teacher-gateway.ts';
import type {Watches} from './watches.ts';

export interface AuditOptions {
  /** Share of the inputs that are drawn, from 0 to 1. */
  readonly share: number;
  /**
   * Seed of the random draw.
   *
   * @default a new seed each time
   */
  readonly seed?: number | undefined;
  /** Asks the teacher. */
  readonly gateway: TeacherGateway;
  /** True if `gateway` asks anew, so that a second request measures how repeatable the teacher is. */
  readonly isAnew: boolean;
  readonly tally: Tally;
  /** Judge the student by the comparisons. */
  readonly watches: Watches;
}

/** An input whose two answers are to be compared. */
export interface AuditedInput extends Omit<Asked, 'why'> {
  /**
   * True if the student is sure of its answer. Only a sure answer is the student's own, so only that can break a
   * promise.
   */
  readonly isSure: boolean;
  readonly isDrawn: boolean;
  /** True if it counts: either it was drawn, or the teacher answers every input anyway. */
  readonly isCompared: boolean;
}

/** The teacher's answers in the order of the inputs, each an answer or the reason for its absence. */
type Said = readonly (Answer | Fallback)[];

/** The inputs of one request. */
export interface AuditedRequest {
  /** The inputs that the teacher answers anyway. `said` holds its answers. */
  readonly answered: readonly AuditedInput[];
  readonly said: Promise<Said>;
  /** The inputs that were drawn and that the student has answered. The audit asks the teacher about them now. */
  readonly unanswered: readonly AuditedInput[];
}

/** Share of the drawn inputs that are put to the teacher once more, to measure how repeatable its answers are. */
const REPEATED = 0.1;

/** Milliseconds after which an audit is given up. An audit delays no reply, only later audits. */
const PATIENCE = 600_000;

/**
 * Asks the teacher about a random share of the inputs, whoever answered them. A random generator draws them before
 * anything is known of them. The text plays no part: if a text comes a thousand times, about twenty of these inputs are
 * audited at 2 %.
 */
export class Audit {
  readonly #options: AuditOptions;
  readonly #random: RandomGenerator;
  /** Comparisons count in the order of their requests, so that quick answers never overtake slow ones. */
  #counted: Promise<void> = Promise.resolve();
  readonly #repeats = new Set<Promise<void>>();

  /** @throws InputError if `share` is not from 0 to 1 */
  constructor(options: AuditOptions) {
    const {share, seed = randomInt(2 ** 32)} = options;
    if (!(share >= 0 && share <= 1)) throw new InputError(`Expected \`audit\` to be from 0 to 1, got ${share}.`);
    this.#options = options;
    this.#random = seededRandom(seed, 'audit');
  }

  /** True if the next input is audited. */
  draw(): boolean {
    return this.#happens(this.#options.share);
  }

  /** Compares a request's answers after its reply is sent. */
  compare({answered, said, unanswered}: AuditedRequest): void {
    const all = Promise.all([said, this.#ask(unanswered)]);
    this.#counted = this.#counted.then(async () => {
      const [known, asked] = await all;
      this.#count(answered, known);
      this.#count(unanswered, asked);
    });
  }

  /** Resolves when every drawn input is counted. */
  async settle(): Promise<void> {
    await this.#counted;
    await Promise.all(this.#repeats);
    await Promise.all(Array.from(this.#options.watches.values(), watching => watching.close()));
  }

  async #ask(inputs: readonly AuditedInput[]): Promise<Said> {
    if (inputs.length === 0) return [];
    await setImmediate();
    const asked = inputs.map((input): Asked => ({...input, why: 'audit'}));
    return this.#options.gateway.ask(asked, {patience: PATIENCE});
  }

  /**
   * Leaves out the inputs that the teacher didn't answer, whatever the student said. Otherwise only the unsure answers
   * would count during an outage.
   */
  #count(inputs: readonly AuditedInput[], said: Said): void {
    const {tally, watches} = this.#options;
    for (const [index, input] of inputs.entries()) {
      if (!input.isCompared) continue;
      const answer = said[index]!;
      const tallies = tally.of(input.query);
      if (typeof answer === 'string') {
        for (const each of tallies) each.lostAudits++;
        continue;
      }
      const agrees = this.#agree(input.student, answer);
      for (const each of tallies) {
        if (input.isSure) each.countAudit(agrees);
        else each.deferredAudits++;
      }
      watches.get(input.query.question?.name)?.add(input.isSure && !agrees);
      if (input.isDrawn) this.#perhapsRepeat(input, answer);
    }
  }

  #perhapsRepeat(input: AuditedInput, first: Answer): void {
    const {gateway, isAnew, tally} = this.#options;
    if (!isAnew || !this.#happens(REPEATED)) return;
    const repeat = gateway.ask([{...input, why: 'repeat'}], {patience: PATIENCE}).then(([second]) => {
      if (typeof second === 'object') tally.countRepeat(this.#agree(first, second));
    });
    this.#repeats.add(repeat);
    void repeat.finally(() => this.#repeats.delete(repeat));
  }

  #agree(one: Answer, other: Answer): boolean {
    return labelOf(one) === labelOf(other);
  }

  #happens(probability: number): boolean {
    return probability > 0 && randomFraction(this.#random) < probability;
  }
}
