import type {Usage} from '../../teacher.ts';
import type {Charge} from './price.ts';

/** A count of tokens that was charged, and its worst case. */
interface Share {
  readonly charged: number;
  readonly worst: number;
}

const COUNTED = ['inputTokens', 'outputTokens'] as const;
type Counted = (typeof COUNTED)[number];

/** The highest ratio of each count that passed its worst case. */
export type Shares = Readonly<Partial<Record<Counted, Share>>>;

const AS_SAID: Share = {charged: 1, worst: 1};

/**
 * The factor by which a teacher's replies passed their requests' worst case. A service may ignore its own limits, or
 * count tokens that no body shows. The highest ratio counts, for input and output separately.
 */
export class Excess {
  /** The ratio of the last note. */
  #told = 0.5;
  readonly #highest: Record<Counted, Share> = {inputTokens: AS_SAID, outputTokens: AS_SAID};

  /** What was seen; undefined if nothing passed its worst case. */
  get shares(): Shares | undefined {
    const seen = COUNTED.flatMap(kind => (this.#highest[kind] === AS_SAID ? [] : [[kind, this.#highest[kind]]]));
    return seen.length === 0 ? undefined : Object.fromEntries(seen);
  }

  /** Takes over what others saw. Of equal ratios theirs counts, so that all come to know the same. */
  learn(shares: Shares): void {
    for (const kind of COUNTED) {
      const [theirs, own] = [shares[kind], this.#highest[kind]];
      if (theirs && theirs.charged * own.worst >= own.charged * theirs.worst) this.#highest[kind] = theirs;
    }
  }

  /** The worst case of a request by all that was seen. */
  raised({calls, usage}: Charge): Charge {
    if (usage === undefined) return {calls};
    const {inputTokens, outputTokens, cacheWriteTokens} = usage;
    return {
      calls,
      usage: {
        inputTokens: times(inputTokens, this.#highest.inputTokens),
        outputTokens: times(outputTokens, this.#highest.outputTokens),
        ...(cacheWriteTokens && {cacheWriteTokens: times(cacheWriteTokens, this.#highest.inputTokens)}),
      },
    };
  }

  /**
   * Compares the cost of a request with its worst case.
   *
   * @param worst - not raised
   * @returns the highest ratio by which it passes what was seen before, of one request's tokens; 1 if it doesn't
   */
  saw({usage: worst}: Charge, {usage: actual}: Charge): number {
    if (worst === undefined || actual === undefined) return 1;
    return Math.max(this.#sawOf('inputTokens', worst, actual), this.#sawOf('outputTokens', worst, actual));
  }

  /** The note about a ratio that was seen; undefined if it is less than twice the one before. */
  noteOf(ratio: number, teacher: string): string | undefined {
    if (ratio < 2 * this.#told) return undefined;
    this.#told = ratio;
    return (
      `Teacher ${teacher} counted ${(Math.ceil(10 * ratio) / 10).toLocaleString('en-GB')} times the tokens that a request ` +
      "may use by its body: it doesn't keep its limits. Its requests, those under way as well, are reserved at as many " +
      'times their worst case from now on. What it charges beyond its limits for those under way can pass the budget. ' +
      'Check which limits in `maxTokens` and `parameters` the service heeds.'
    );
  }

  #sawOf(kind: Counted, worst: Usage, actual: Usage): number {
    if (actual[kind] <= times(worst[kind], this.#highest[kind])) return 1;
    this.#highest[kind] = {charged: actual[kind], worst: Math.max(1, worst[kind])};
    return actual[kind] / Math.max(1, worst[kind]);
  }
}

/** A count of 0 is raised like a count of 1. */
function times(count: number, share: Share): number {
  return share === AS_SAID ? count : Math.ceil((Math.max(1, count) * share.charged) / share.worst);
}
