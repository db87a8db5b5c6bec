import type {ReplyLocation} from './reply.ts';

/** A request on its way. */
interface Call {
  readonly keys: readonly string[];
  /** Where its reply is, once one has come. */
  location?: ReplyLocation;
}

/**
 * What a journal still has to see to the end. Of a running process it says what its calls stand at; read from the
 * segment of an ended one it says what that process left.
 */
export class Outstanding {
  /** Queries that were sent and may have been paid for, without a reply. */
  readonly inDoubt: Set<string> = new Set();
  /** Replies of ended processes that were paid for and whose answers are not kept, by query. */
  readonly unread: Map<string, ReplyLocation> = new Map();
  readonly #calls = new Map<number, Call>();

  sent(id: number, keys: readonly string[]): void {
    this.#calls.set(id, {keys});
  }

  /** The queries of a call under way; none of an unknown one. */
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

  /** A reply that an ended process left. */
  left(keys: readonly string[], location: ReplyLocation): void {
    for (const key of keys) {
      this.inDoubt.delete(key);
      this.unread.set(key, location);
    }
  }

  /** What another process left, which has ended. */
  add({inDoubt, unread}: Outstanding): void {
    for (const key of inDoubt) this.inDoubt.add(key);
    for (const [key, location] of unread) this.left([key], location);
  }

  /** The process has ended: what is under way is in doubt, which is returned, or is a reply to be read. */
  end(): readonly string[] {
    const calls = [...this.#calls.values()];
    for (const {keys, location} of calls) if (location) this.left(keys, location);
    const doubted = calls.flatMap(({keys, location}) => (location ? [] : keys)).filter(key => !this.unread.has(key));
    for (const key of doubted) this.inDoubt.add(key);
    this.#calls.clear();
    return doubted;
  }
}
