import {identityText} from '../../store/key.ts';
import type {AnswerStore, StoredAnswer} from '../../store/store.ts';
import type {Teacher, Usage} from '../../teacher.ts';
import {isUsage} from '../budget/receipt.ts';

/** How many records are read: enough for a mean. */
const SAMPLE = 10_000;

/** The mean usage of the requests behind kept answers. */
export class KeptUsage {
  readonly #replies = new Set<string>();
  #inputTokens = 0;
  #outputTokens = 0;

  /** The number of replies in the mean. */
  get replies(): number {
    return this.#replies.size;
  }

  /** Per request; undefined if no kept answer reports it. */
  get mean(): Usage | undefined {
    const {replies} = this;
    if (replies === 0) return undefined;
    return {inputTokens: this.#inputTokens / replies, outputTokens: this.#outputTokens / replies};
  }

  /** Takes an answer into account. Answers of one reply report the same usage, and count once. */
  add({receipt, reply, question}: StoredAnswer): void {
    const usage = receipt?.usage;
    const id = reply ? `${reply.segment} ${reply.offset}` : question.bytes;
    if (!isUsage(usage) || this.#replies.size === SAMPLE || this.#replies.has(id)) return;
    this.#replies.add(id);
    this.#inputTokens += usage.inputTokens;
    this.#outputTokens += usage.outputTokens;
  }

  /**
   * Counts answers of the teacher among the first records of the store, unless a reply is counted already. The records
   * are sorted by key, and keys are hashes. The first records are therefore a random sample.
   */
  async sample(store: AnswerStore, identity: Teacher['identity']): Promise<void> {
    if (this.#replies.size > 0) return;
    const own = identityText(identity);
    let seen = 0;
    for await (const {stored} of store.entries()) {
      if (identityText(stored.teacher.identity) === own) this.add(stored);
      if (++seen === SAMPLE) return;
    }
  }
}
