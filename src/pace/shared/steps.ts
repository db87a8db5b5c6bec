import {randomUUID} from 'node:crypto';
import {type GivenRates, LearnedPace, type PaceState} from '../learned-pace.ts';
import type {Cost} from '../service-limits.ts';
import {type Event, type Member, type Step, stepIn, stepOf, withoutMember} from './account.ts';
import type {Cell, Seen} from './cell.ts';

/** The shared clock is known well enough if it was read within so many milliseconds, so many milliseconds ago at most. */
const EXACT = 20;
const FRESH = 10_000;

/** An event, and when it happened, by the own clock. */
export type Told = Event & {readonly at: number};

/** What a process brings to a step, as it is when the step is tried. */
export interface Source<E extends Told, W extends {readonly cost: Cost}> {
  readonly events: () => readonly E[];
  /** In order. */
  readonly waiting: () => Iterable<W>;
}

/** A step with what it is about. */
export interface Taken<E extends Told, W> {
  readonly step: Step;
  readonly events: readonly E[];
  /** One for each that was sent, and perhaps more. */
  readonly waiting: readonly W[];
}

interface Reading extends Seen {
  /** By the own clock: when it was asked for, and how long that took. */
  readonly askedAt: number;
  readonly took: number;
}

export interface StepsOptions {
  readonly rates: GivenRates;
  readonly cell: Cell;
  readonly now: () => number;
  readonly random: () => number;
}

/**
 * The steps of one process on the state that it shares with others. A step counts only if nobody else took one since the
 * state was read; otherwise it is tried again.
 */
export class Steps<E extends Told, W extends {readonly cost: Cost}> {
  readonly #id = randomUUID();
  readonly #options: StepsOptions;
  readonly #source: Source<E, W>;
  #self: Member | undefined;
  #reading: Reading | undefined;
  /** The step that was tried last, if nobody knows what became of it. */
  #tried: Taken<E, W> | undefined;
  #count = 0;
  #pace: LearnedPace;

  constructor(options: StepsOptions, source: Source<E, W>) {
    this.#options = options;
    this.#source = source;
    this.#pace = new LearnedPace(options.rates, {random: options.random, now: options.now()});
  }

  /** What this process has under way, as it told the others. */
  get inFlight(): number {
    return this.#self?.inFlight ?? 0;
  }

  /** The pace of all processes together, as this one last knew it. */
  get state(): PaceState {
    return this.#pace.state(this.#reading ? this.#clock(this.#reading) : this.#options.now());
  }

  /** Takes a step. @throws Error if the cell can't be reached; the next call finds out what became of the step */
  async take(): Promise<Taken<E, W>> {
    let isRead = !this.#isExact;
    if (isRead) await this.#exchange();
    const tried = this.#takeTried();
    if (tried) return this.#settle(tried);
    while (true) {
      const next = this.#stepFrom(this.#reading!);
      if (next.step.isNews) {
        if (await this.#write(next, next.step.text)) return this.#settle(next);
      } else if (isRead) {
        return this.#settle(next);
      } else {
        await this.#exchange();
      }
      isRead = true;
    }
  }

  /** Takes a step and leaves, unless requests are under way. */
  async leave(): Promise<void> {
    if (this.#reading === undefined) return;
    while (true) {
      const next = this.#stepFrom(this.#reading, []);
      const {text, self} = next.step;
      if (await this.#write(next, self.inFlight > 0 ? text : withoutMember(text, this.#id))) return;
    }
  }

  /** The step that was tried last, if it turns out to count. */
  #takeTried(): Taken<E, W> | undefined {
    const tried = this.#tried;
    this.#tried = undefined;
    const text = this.#reading?.text;
    return tried && text !== undefined && stepIn(text, this.#id) === tried.step.self.step ? tried : undefined;
  }

  #settle(taken: Taken<E, W>): Taken<E, W> {
    this.#pace = taken.step.pace;
    if (taken.step.isNews) this.#self = taken.step.self;
    return taken;
  }

  #stepFrom(reading: Reading, waiting: Iterable<W> = this.#source.waiting()): Taken<E, W> {
    const {now, random, rates} = this.#options;
    const events = [...this.#source.events()];
    const seen: W[] = [];
    const costs = function* () {
      for (const one of waiting) {
        seen.push(one);
        yield one.cost;
      }
    };
    const turn = {
      ...{id: this.#id, step: ++this.#count, rates, random, self: this.#self, waiting: costs},
      events: events.map(event => ({...event, ago: now() - event.at})),
    };
    const step = stepOf(reading.text, turn, this.#clock(reading), reading.restartedAt);
    return {step, events, waiting: seen};
  }

  /** @returns true if the step counts */
  async #write(taken: Taken<E, W>, text: string): Promise<boolean> {
    const version = `${this.#id} ${taken.step.self.step}`;
    this.#tried = taken;
    const seen = await this.#exchange({version, text});
    this.#tried = undefined;
    return seen.version === version;
  }

  async #exchange(next?: {readonly version: string; readonly text: string}): Promise<Seen> {
    const {cell, now} = this.#options;
    const before = this.#reading;
    const askedAt = now();
    const seen = await cell.exchange(before?.version ?? '', next);
    const text = seen.version === next?.version ? next.text : (seen.text ?? before?.text);
    // A server that has lost the state gets it back as this process knew it.
    const isLost = seen.version === '' && before?.text !== undefined;
    this.#reading = {...seen, text, askedAt, took: now() - askedAt, ...(isLost && {restartedAt: seen.now})};
    return seen;
  }

  /** True if state and time are known well enough to try a step without reading them. */
  get #isExact(): boolean {
    if (this.#reading === undefined || this.#tried !== undefined) return false;
    return this.#reading.took <= EXACT && this.#options.now() - this.#reading.askedAt < FRESH;
  }

  /** The shared clock, by when it was read last. */
  #clock({now, askedAt}: Reading): number {
    return now + (this.#options.now() - askedAt);
  }
}
