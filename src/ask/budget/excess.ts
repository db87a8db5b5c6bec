import type {Usage} from '../../teacher.ts';
import type {Charge} from './price.ts';

/** A count of tokens that was charged, and the most that it could have been. */
interface Share {
  readonly charged: number;
  readonly worst: number;
}

const AS_SAID: Share = {charged: 1, worst: 1};

/**
 * By how much the replies of one teacher passed the most that their requests could use: a service may not keep its own
 * limits, or count what no body shows. The highest ratio counts, of input and of output apart.
 */
export class Excess {
  /** The ratio that was last told of. */
  #told = 0.5;
  readonly #highest: Record<keyof Usage, Share> = {inputTokens: AS_SAID, outputTokens: AS_SAID};

  /** What a request can come to, going by all that was seen. */
  raised({calls, usage}: Charge): Charge {
    if (usage === undefined) return {calls};
    const {inputTokens, outputTokens} = usage;
    return {
      calls,
      usage: {
        inputTokens: times(inputTokens, this.#highest.inputTokens),
        outputTokens: times(outputTokens, this.#highest.outputTokens),
      },
    };
  }

  /**
   * Compares what a request came to with the most that it could.
   *
   * @param worst - not raised
   * @returns the highest ratio by which it passes what was seen before, of one request's tokens; 1 if it doesn't
   */
  saw({usage: worst}: Charge, {usage: actual}: Charge): number {
    if (worst === undefined || actual === undefined) return 1;
    return Math.max(this.#sawOf('inputTokens', worst, actual), this.#sawOf('outputTokens', worst, actual));
  }

  /** What to tell people of a ratio that was seen; undefined if it is less than twice the one before. */
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

  #sawOf(kind: keyof Usage, worst: Usage, actual: Usage): number {
    if (actual[kind] <= times(worst[kind], this.#highest[kind])) return 1;
    this.#highest[kind] = {charged: actual[kind], worst: Math.max(1, worst[kind])};
    return actual[kind] / Math.max(1, worst[kind]);
  }
}

/** A count of none is raised as one of a token is. */
function times(count: number, share: Share): number {
  return share === AS_SAID ? count : Math.ceil((Math.max(1, count) * share.charged) / share.worst);
}
