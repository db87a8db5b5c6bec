import {BudgetError, TeacherError} from '../errors.ts';
import type {Admission, AdmissionRequest} from '../pace/admission.ts';
import {replyWithoutSecrets} from '../secrets.ts';
import type {Journal, ReplyLocation} from '../store/journal/journal.ts';
import type {AnswerStore} from '../store/store.ts';
import type {Access, Exchange, Outcome, Query, Receipt, Reply, Service, Teacher, Usage} from '../teacher.ts';
import type {TeacherBudget} from './budget/budget.ts';
import {type Charge, costOf} from './budget/price.ts';
import {keyed, type LayeredTeacher, type LayerOptions, layerOver} from './layer.ts';
import {type AnsweredRequests, type Ledger, type LedgerSnapshot, receiptOf, uncountedNote} from './ledger.ts';
import {type OnNote, onceEach, warn} from './notes.ts';

export interface CallsOptions {
  /** The admission of the service's account. Without one, requests go out at once. */
  readonly admission?: Admission | undefined;
  readonly budget?: TeacherBudget | undefined;
  /** Nothing is sent while its server is known to be away. */
  readonly store?: Pick<AnswerStore, 'whenThere'> | undefined;
  readonly journal?: Journal | undefined;
  readonly ledger?: Ledger | undefined;
  /** Takes the time of each answered request. */
  readonly requests?: AnsweredRequests | undefined;
  /**
   * Receives one note if the service's replies don't report their cost.
   *
   * @default a warning of Node.js
   */
  readonly onNote?: OnNote;
}

/** A request that was answered, and so paid for. */
export interface PaidCall {
  /** The location of its raw reply. */
  readonly location?: ReplyLocation | undefined;
  readonly receipt: Receipt | undefined;
  /** Why its raw reply could not be kept. The layer that keeps its answers throws this when they are kept. */
  readonly failure?: Error | undefined;
  /** True if an earlier run paid for it. */
  readonly isOfEarlierRun?: boolean | undefined;
  /** Call this when all of its answers are kept or quarantined. */
  done(): void;
}

/** An outcome with the request that it comes from. */
export type Bought<A extends Access = Access> = Outcome<A> & {readonly call?: PaidCall};

/**
 * The layer next to the teacher. Every request waits for admission, reserves its cost and is written to the journal
 * before it goes out. Its reply is kept before it is read.
 *
 * Two errors of a whole call become errors of its queries, so that the rest of the call can be used: the end of the
 * budget, and a paid reply that can't be read.
 */
export function withCalls<A extends Access>(teacher: Teacher<A>, options: CallsOptions = {}): LayeredTeacher<A> {
  const {service} = teacher;
  if (service === undefined) return counted(teacher, options);
  const sender: Sender = {teacher, service, onNote: onceEach(warn), ...options};
  const ask = async (queries: readonly Query[], {stop, isAgain = false, detail, signal}: LayerOptions = {}) => {
    const paid: (PaidCall | undefined)[] = [];
    const turn: Turn = {stop, signal, isAgain};
    const exchange: Exchange = (rows, send) => {
      const asked = rows.map(row => queries[row]!);
      const request = new PaidRequest(sender, asked, send, turn, call => {
        for (const row of rows) paid[row] = call;
      });
      return request.run();
    };
    let outcomes: readonly Outcome<A>[];
    try {
      outcomes = await teacher.ask(queries, {detail, signal, exchange});
    } catch (error) {
      if (!isOfQueries(error)) throw error;
      outcomes = queries.map(() => ({error}));
    }
    if (outcomes.some(outcome => 'error' in outcome)) closeUnread(outcomes, paid);
    return outcomes.map((outcome, row): Bought<A> => (paid[row] ? {...outcome, call: paid[row]} : outcome));
  };
  return layerOver(teacher, {ask});
}

/** A teacher in this process. It sends nothing, so its calls are only counted, and a call under way can be aborted. */
function counted<A extends Access>(
  teacher: Teacher<A>,
  {ledger, requests}: Pick<CallsOptions, 'ledger' | 'requests'>,
): LayeredTeacher<A> {
  return layerOver(teacher, {
    async ask(queries, {stop, onSettled: _, isAgain: __, ...askOptions} = {}) {
      ledger?.add({calls: 1});
      const begun = performance.now();
      const outcomes = await teacher.ask(queries, {...askOptions, signal: askOptions.signal ?? stop});
      requests?.add(begun, queries.length);
      return outcomes;
    },
  });
}

function isOfQueries(error: unknown): error is Error {
  return error instanceof BudgetError || (error instanceof TeacherError && error.unreadable);
}

/** If nothing in a reply can be read, the raw reply alone is kept. */
function closeUnread(outcomes: readonly Outcome[], paid: readonly (PaidCall | undefined)[]): void {
  const answered = new Set(paid.filter((_, row) => outcomes[row] && 'answer' in outcomes[row]));
  for (const call of new Set(paid)) if (call && !answered.has(call)) call.done();
}

interface Sender extends CallsOptions {
  readonly teacher: Teacher;
  readonly service: Service;
  readonly onNote: OnNote;
}

/** The needs of a request that waits for admission. */
interface Turn {
  readonly stop: AbortSignal | undefined;
  /** Aborts requests under way, too. */
  readonly signal: AbortSignal | undefined;
  readonly isAgain: boolean;
}

const NOT_SENT: Charge = {calls: 0};
const REFUSED: Charge = {calls: 1};

/** Teachers with a note about a reply. */
const noted = new WeakSet<Teacher>();

/** One request on its way through admission, budget and journal. */
class PaidRequest implements AdmissionRequest {
  readonly signal: AbortSignal | undefined;
  readonly isAgain: boolean;
  readonly estimate: Usage | undefined;
  readonly #sender: Sender;
  readonly #queries: readonly Query[];
  readonly #send: () => Promise<Reply>;
  readonly #breakOff: AbortSignal | undefined;
  readonly #onPaid: (call: PaidCall) => void;
  #receipt: Receipt | undefined;
  /** The cost as far as it is known. It is settled whatever fails. */
  #charge: Charge = NOT_SENT;

  constructor(
    sender: Sender,
    queries: readonly Query[],
    send: () => Promise<Reply>,
    {stop, signal, isAgain}: Turn,
    onPaid: (call: PaidCall) => void,
  ) {
    this.signal = stop;
    this.isAgain = isAgain;
    this.estimate = sender.service.worstCase?.(queries);
    this.#sender = sender;
    this.#queries = queries;
    this.#send = send;
    this.#breakOff = signal;
    this.#onPaid = onPaid;
  }

  run(): Promise<Reply> {
    return this.#sender.admission?.run(this) ?? this.send();
  }

  usageOf(): Usage | undefined {
    return this.#receipt?.usage;
  }

  async send(): Promise<Reply> {
    await this.#sender.store?.whenThere?.(this.signal);
    this.signal?.throwIfAborted();
    const worst: Charge = {calls: 1, usage: this.estimate};
    const reservation = await this.#sender.budget?.reserve(worst, this.signal);
    try {
      return await this.#exchange(worst);
    } finally {
      reservation?.settle(this.#charge);
    }
  }

  async #exchange(worst: Charge): Promise<Reply> {
    const {ledger, teacher, journal} = this.#sender;
    const id = await journal?.sent(this.#queries.map(query => keyed(teacher, query).key));
    const reply = await this.#replyTo(id, worst);
    if (reply.status !== 200) {
      this.#charge = {...REFUSED, usage: reply.used};
      if (reply.used) this.#count();
      if (id !== undefined) journal?.refused(id, reply);
      if (reply.status === 429) ledger?.add({refused: 1});
      return reply;
    }
    const kept = id === undefined ? {} : await this.#keepReply(id, reply);
    this.#account(reply);
    this.#onPaid({...kept, receipt: this.#receipt, done: () => id !== undefined && journal?.done(id)});
    return reply;
  }

  /** If the journal can't take a reply, the answer store may still have room for its answers, which are paid for. */
  async #keepReply(id: number, reply: Reply): Promise<Pick<PaidCall, 'location' | 'failure'>> {
    try {
      return {location: await this.#sender.journal?.replied(id, reply)};
    } catch (error) {
      return {failure: error as Error};
    }
  }

  /**
   * Sends the request. A failed request may be charged for, unless the error says that the service never received it.
   */
  async #replyTo(id: number | undefined, worst: Charge): Promise<Reply> {
    const {ledger, journal, requests} = this.#sender;
    try {
      this.#breakOff?.throwIfAborted();
      this.#charge = worst;
      ledger?.add({calls: 1});
      const begun = performance.now();
      const reply = await this.#send();
      if (reply.status === 200) requests?.add(begun, this.#queries.length);
      return replyWithoutSecrets(reply);
    } catch (error) {
      const isSent = this.#charge === worst;
      const inDoubt = isSent && isOfHeard(error);
      if (id !== undefined) journal?.failed(id, error instanceof Error ? error.message : String(error), inDoubt);
      if (inDoubt) this.#count({inDoubt: this.#queries.length});
      else if (isSent) this.#charge = REFUSED;
      throw error;
    }
  }

  /** Accounts for a reply that was paid for. */
  #account(reply: Reply): void {
    const {service, teacher, onNote} = this.#sender;
    this.#receipt = receiptOf(service, reply);
    const {usage = this.estimate} = this.#receipt;
    this.#charge = {calls: 1, usage};
    this.#count();
    if (this.estimate && this.#receipt.usage === undefined) onNote(uncountedNote(teacher));
    this.#noteOn(reply);
  }

  /** Passes on the first note of the service's adapter about a reply. */
  #noteOn(reply: Reply): void {
    const {service, teacher, onNote} = this.#sender;
    if (noted.has(teacher)) return;
    const note = service.note?.(reply);
    if (note === undefined) return;
    noted.add(teacher);
    onNote(`Teacher ${teacher.name}: ${note}`);
  }

  #count(amounts: Partial<LedgerSnapshot> = {}): void {
    const {service, ledger} = this.#sender;
    const {usage} = this.#charge;
    ledger?.add({...amounts, ...usage, usd: service.price && costOf(service.price, this.#charge)});
  }
}

/**
 * True if the service may have received a request that failed with this error. An aborted request counts as received,
 * because nobody knows.
 */
function isOfHeard(error: unknown): boolean {
  return !(error instanceof TeacherError) || error.inDoubt || error.unreadable;
}
