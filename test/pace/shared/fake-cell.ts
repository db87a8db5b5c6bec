import type {Cell, Seen} from '../../../src/pace/shared/cell.ts';
import type {VirtualClock} from '../virtual-clock.ts';

/** A cell on a virtual clock, which is some milliseconds away. */
export class FakeCell implements Cell {
  readonly #clock: VirtualClock;
  readonly #distance: () => number;
  version = '';
  text: string | undefined;
  restartedAt = 0;
  /** How often it was looked at, and how often somebody else was faster. */
  exchanges = 0;
  lost = 0;
  /** What goes wrong with an exchange: the way there, or the way back, when it has taken effect. */
  fails: () => 'there' | 'back' | undefined = () => undefined;

  constructor(clock: VirtualClock, distance: () => number) {
    this.#clock = clock;
    this.#distance = distance;
  }

  async exchange(known: string, next?: {readonly version: string; readonly text: string}): Promise<Seen> {
    const failure = this.fails();
    await this.#clock.sleep(this.#distance());
    this.exchanges++;
    if (failure === 'there') throw new Error('The cell is gone.');
    if (next && this.version === known) Object.assign(this, next);
    else if (next) this.lost++;
    const {version, text, restartedAt} = this;
    const seen = {
      now: this.#clock.now(),
      version,
      text: version === known || version === next?.version ? undefined : text,
      restartedAt,
    };
    await this.#clock.sleep(this.#distance());
    if (failure === 'back') throw new Error('The cell is gone.');
    return seen;
  }
}
