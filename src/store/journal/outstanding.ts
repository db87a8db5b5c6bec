import type {ReplyLocation} from '../stored-answer.ts';

/** A request under way. */
interface Call {
  readonly keys: readonly string[];
  /** The location of its reply, once one has come. */
  location?: ReplyLocation;
}

/**
 * The calls of a journal that are not finished. For a running process, it is the state of its calls. For an ended
 * process, read from its segment, it is what the process left.
 */
export class Outstanding {
  /** Queries that were sent and may have been paid for, without a reply. */
  readonly inDoubt: Set<string> = new Set();
  /** By query, paid replies of ended processes whose answers are not kept. */
  readonly unread: Map<string, ReplyLocation> = new Map();
  readonly #calls = new Map<number, Call>();

  sent(id: number, keys: readonly string[]): void {
    this.#calls.set(id, {keys});
  }

  /** The queries of a call under way; none for an unknown call. */
  keysOf(id: number): readonly string[] {
    return this.#calls.get(id)?.keys ?? [];
  }

  replied(id: number, location: ReplyLocation): void {
    const call = this.#calls.get(id);
    if (call) call.location = location;
  }

  failed(id: number, inDoubt: boolean): void {
    if (inDoubt) for (const key of this.keysOf(id)) this.inDoubt.add(key);
    this.#calls.delete(id);
  }

  done(id: number): void {
    this.settled(this.keysOf(id));
    this.#calls.delete(id);
  }

  settled(keys: readonly string[]): void {
    for (const key of keys) {
      this.inDoubt.delete(key);
      this.unread.delete(key);
    }
  }

  /** Adds a reply that an ended process left. */
  left(keys: readonly string[], location: ReplyLocation): void {
    for (const key of keys) {
      this.inDoubt.delete(key);
      this.unread.set(key, location);
    }
  }

  /** Adds what another process left that has ended. */
  add({inDoubt, unread}: Outstanding): void {
    for (const key of inDoubt) this.inDoubt.add(key);
    for (const [key, location] of unread) this.left([key], location);
  }

  /** Ends the process. Calls under way become replies to be read, or are in doubt; returns the queries in doubt. */
  end(): readonly string[] {
    const calls = [...this.#calls.values()];
    for (const {keys, location} of calls) if (location) this.left(keys, location);
    const doubted = calls.flatMap(({keys, location}) => (location ? [] : keys)).filter(key => !this.unread.has(key));
    for (const key of doubted) this.inDoubt.add(key);
    this.#calls.clear();
    return doubted;
  }
}
