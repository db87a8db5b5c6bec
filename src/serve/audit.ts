import {randomInt} from 'node:crypto';
import {setImmediate} from 'node:timers/promises';
import {type RandomGenerator, randomFraction, seededRandom} from '../data/random.ts';
import {InputError} from '../errors.ts';
import {coarsen} from '../knowledge/coarsen.ts';
import type {Answer} from '../teacher.ts';
import type {Fallback} from './decision.ts';
import type {Tally} from './tally.ts';
import type {Asked, TeacherGateway} from './teacher-gateway.ts';
import type {Watching} from './watching.ts';

export interface AuditOptions {
  /** The student's. */
  readonly classes: readonly string[];
  /** Share of the inputs that are drawn, from 0 to 1. */
  readonly share: number;
  /**
   * Of the draw.
   *
   * @default another one each time
   */
  readonly seed?: number | undefined;
  /** Where the teacher is asked. */
  readonly gateway: TeacherGateway;
  /** Whether `door` asks anew, so that asking it again tells something. */
  readonly isAnew: boolean;
  readonly tally: Tally;
  /** What judges by the comparisons. */
  readonly watching?: Watching | undefined;
}

/** An input whose two answers are to be compared. */
export interface AuditedInput extends Asked {
  /** Whether the student is sure of its answer: of the others none is its own, and none can break a promise. */
  readonly isSure: boolean;
  readonly isDrawn: boolean;
  /** Whether it counts: it was drawn, or the teacher answers all anyway. */
  readonly isCompared: boolean;
}

/** What a teacher says of inputs, in order, or why it says nothing. */
type Said = readonly (Answer | Fallback)[];

/** The inputs of one request. */
export interface AuditedRequest {
  /** Those that the teacher answers anyway, with what it says. */
  readonly answered: readonly AuditedInput[];
  readonly said: Promise<Said>;
  /** Those that were drawn and the student has answered: the teacher is asked about them now. */
  readonly unanswered: readonly AuditedInput[];
}

/** Share of the drawn inputs that the teacher is asked about once more, to learn how often it says the same. */
const REPEATED = 0.1;

/** Milliseconds after which an audit is given up. It keeps nobody waiting but later audits. */
const PATIENCE = 600_000;

/**
 * Asks the teacher about a random share of the inputs, whoever answered them. Which ones is drawn before anything is known
 * of them, by a random generator and never by the text: of a text that comes a thousand times, twenty are audited at 2 %.
 */
export class Audit {
  readonly #options: AuditOptions;
  readonly #random: RandomGenerator;
  /** Comparisons count in the order of their requests: an answer that takes long must not be overtaken by others. */
  #counted: Promise<void> = Promise.resolve();
  readonly #repeats = new Set<Promise<void>>();

  /** @throws InputError where the share is none */
  constructor(options: AuditOptions) {
    const {share, seed = randomInt(2 ** 32)} = options;
    if (!(share >= 0 && share <= 1)) throw new InputError(`Expected \`audit\` to be from 0 to 1, got ${share}.`);
    this.#options = options;
    this.#random = seededRandom(seed, 'audit');
  }

  /** Whether the next input is audited. */
  draw(): boolean {
    return this.#happens(this.#options.share);
  }

  /** Compares a request's answers, once its reply is out. */
  compare({answered, said, unanswered}: AuditedRequest): void {
    const all = Promise.all([said, this.#ask(unanswered)]);
    this.#counted = this.#counted.then(async () => {
      const [known, asked] = await all;
      this.#count(answered, known);
      this.#count(unanswered, asked);
    });
  }

  /** Resolves when all that was drawn is counted. */
  async settle(): Promise<void> {
    await this.#counted;
    await Promise.all(this.#repeats);
    await this.#options.watching?.close();
  }

  async #ask(inputs: readonly AuditedInput[]): Promise<Said> {
    if (inputs.length === 0) return [];
    await setImmediate();
    return this.#options.gateway.ask(inputs, 'audit', {patience: PATIENCE});
  }

  /**
   * What the teacher didn't answer is left out, whatever the student said: during an outage it would otherwise be the
   * unsure answers alone that count.
   */
  #count(inputs: readonly AuditedInput[], said: Said): void {
    const {tally, watching} = this.#options;
    for (const [index, input] of inputs.entries()) {
      if (!input.isCompared) continue;
      const answer = said[index]!;
      if (typeof answer === 'string') {
        tally.lostAudits++;
        continue;
      }
      const agrees = this.#agree(input.student, answer);
      if (input.isSure) tally.countAudit(agrees);
      else tally.deferredAudits++;
      watching?.add(input.isSure && !agrees);
      if (input.isDrawn) this.#perhapsRepeat(input, answer);
    }
  }

  #perhapsRepeat(input: AuditedInput, first: Answer): void {
    const {gateway, isAnew, tally} = this.#options;
    if (!isAnew || !this.#happens(REPEATED)) return;
    const repeat = gateway.ask([input], 'repeat', {patience: PATIENCE}).then(([second]) => {
      if (typeof second === 'object') tally.countRepeat(this.#agree(first, second));
    });
    this.#repeats.add(repeat);
    void repeat.finally(() => this.#repeats.delete(repeat));
  }

  #agree(one: Answer, other: Answer): boolean {
    return this.#labelOf(one) === this.#labelOf(other);
  }

  #labelOf(answer: Answer): number {
    return coarsen(answer, {kind: 'label'}, this.#options.classes.length).label;
  }

  #happens(probability: number): boolean {
    return probability > 0 && randomFraction(this.#random) < probability;
  }
}
