import {RequestFailure} from './failure.ts';

/** The bytes that the bodies of all requests under way may take together. */
export class BodyRoom {
  readonly #most: number;
  #taken = 0;

  /** @param most - bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws RequestFailure 503 where they do not fit beside the bodies of others */
  take(bytes: number): void {
    if (this.#taken + bytes > this.#most) {
      throw new RequestFailure(503, 'The bodies of other requests take all room. Try again in a moment.', {
        headers: {'retry-after': '1'},
      });
    }
    this.#taken += bytes;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}
