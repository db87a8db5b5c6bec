import {BudgetError, TeacherError} from '../errors.ts';
import type {Journal, ReplyPlace} from '../knowledge/journal.ts';
import type {Access, Exchange, Outcome, Question, Receipt, Reply, Service, Teacher, Usage} from '../teacher.ts';
import type {Admission, AdmissionRequest} from './admission.ts';
import type {Reservation, TeacherBudget} from './budget.ts';
import {keyed} from './keyed.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from './layer.ts';
import type {Ledger} from './ledger.ts';
import {costOf} from './price.ts';

export interface CallsOptions {
  /** Of the service's account. Without one, requests go out as they come. */
  readonly admission?: Admission;
  readonly budget?: TeacherBudget;
  readonly journal?: Journal;
  readonly ledger?: Ledger;
}

/** A request that was answered, and so paid for. */
export interface PaidCall {
  /** Where its raw reply is kept. */
  readonly place: ReplyPlace | undefined;
  readonly receipt: Receipt | undefined;
  /** Whether an earlier run paid for it. */
  readonly isOfEarlierRun?: boolean;
  /** To be called when all of its answers are kept or set aside. */
  done(): void;
}

/** An outcome with the request that it comes from. */
export type Bought<A extends Access = Access> = Outcome<A> & {readonly call?: PaidCall};

/**
 * Stands next to the teacher. Every request that it sends waits its turn, has its cost reserved and is written in the
 * journal before it goes out; its reply is kept before it is read.
 *
 * Two errors of a whole call become those of its questions, so that what else is known can be used: the end of the
 * budget, and a paid reply that can't be read.
 */
export function withCalls<A extends Access>(teacher: Teacher<A>, options: CallsOptions = {}): LayeredTeacher<A> {
  const {service} = teacher;
  if (service === undefined) return counted(teacher, options.ledger);
  const sender: Sender = {teacher, service, ...options};
  const ask = async (questions: readonly Question[], {stop, isAgain = false, detail, signal}: LayerOptions = {}) => {
    const paid: (PaidCall | undefined)[] = [];
    const turn: Turn = {stop, isAgain};
    const exchange: Exchange = (rows, send) => {
      const asked = rows.map(row => questions[row]!);
      const request = new PaidRequest(sender, asked, send, turn, call => {
        for (const row of rows) paid[row] = call;
      });
      return request.run();
    };
    let outcomes: readonly Outcome<A>[];
    try {
      outcomes = await teacher.ask(questions, {...(detail && {detail}), ...(signal && {signal}), exchange});
    } catch (error) {
      if (!isOfQuestions(error)) throw error;
      outcomes = questions.map(() => ({error}));
    }
    if (outcomes.some(outcome => 'error' in outcome)) closeUnread(outcomes, paid);
    return outcomes.map((outcome, row): Bought<A> => (paid[row] ? {...outcome, call: paid[row]} : outcome));
  };
  return layerOver(teacher, {ask});
}

/** A teacher in this process: it sends nothing, so its calls are only counted, and one under way may be broken off. */
function counted<A extends Access>(teacher: Teacher<A>, ledger: Ledger | undefined): LayeredTeacher<A> {
  return layerOver(teacher, {
    ask(questions, {stop, onSettled: _, isAgain: __, ...askOptions} = {}) {
      ledger?.add({calls: 1});
      return teacher.ask(questions, {...(stop && {signal: stop}), ...askOptions});
    },
  });
}

function isOfQuestions(error: unknown): error is Error {
  return error instanceof BudgetError || (error instanceof TeacherError && error.unreadable);
}

/** Of a reply of which nothing can be read there is nothing to keep but the reply, and that is kept. */
function closeUnread(outcomes: readonly Outcome[], paid: readonly (PaidCall | undefined)[]): void {
  const answered = new Set(paid.filter((_, row) => outcomes[row] && 'answer' in outcomes[row]));
  for (const call of new Set(paid)) if (call && !answered.has(call)) call.done();
}

interface Sender extends CallsOptions {
  readonly teacher: Teacher;
  readonly service: Service;
}

/** How a request waits for its turn. */
interface Turn {
  readonly stop: AbortSignal | undefined;
  readonly isAgain: boolean;
}

interface Taken extends Pick<PaidCall, 'place'> {
  readonly reply: Reply;
  /** The number of its call in the journal. */
  readonly id: number | undefined;
  readonly reservation: Reservation | undefined;
  readonly worst: Usage | undefined;
}

/** One request on its way through admission, budget and journal. */
class PaidRequest implements AdmissionRequest {
  readonly signal: AbortSignal | undefined;
  readonly isAgain: boolean;
  readonly estimate: Usage | undefined;
  readonly #sender: Sender;
  readonly #questions: readonly Question[];
  readonly #send: () => Promise<Reply>;
  readonly #onPaid: (call: PaidCall) => void;
  #receipt: Receipt | undefined;

  constructor(
    sender: Sender,
    questions: readonly Question[],
    send: () => Promise<Reply>,
    {stop, isAgain}: Turn,
    onPaid: (call: PaidCall) => void,
  ) {
    this.signal = stop;
    this.isAgain = isAgain;
    this.estimate = sender.service.worstCase?.(questions);
    this.#sender = sender;
    this.#questions = questions;
    this.#send = send;
    this.#onPaid = onPaid;
  }

  run(): Promise<Reply> {
    return this.#sender.admission?.run(this) ?? this.send();
  }

  usageOf(): Usage | undefined {
    return this.#receipt?.usage;
  }

  async send(): Promise<Reply> {
    const {signal, estimate: worst} = this;
    signal?.throwIfAborted();
    const {budget, ledger, teacher, journal} = this.#sender;
    const reservation = await budget?.reserve({calls: 1, usage: worst}, signal);
    let id: number | undefined;
    try {
      id = await journal?.sent(this.#questions.map(question => keyed(teacher, question).key));
    } catch (error) {
      // Nothing went out.
      reservation?.settle({calls: 0});
      throw error;
    }
    ledger?.add({calls: 1});
    let reply: Reply;
    try {
      reply = await this.#send();
    } catch (error) {
      const inDoubt = error instanceof TeacherError && error.inDoubt;
      if (id !== undefined) journal?.failed(id, error instanceof Error ? error.message : String(error), inDoubt);
      reservation?.settle({calls: 1, usage: inDoubt ? worst : undefined});
      if (inDoubt) ledger?.add({inDoubt: this.#questions.length});
      throw error;
    }
    if (reply.status !== 200) {
      reservation?.settle({calls: 1});
      if (id !== undefined) journal?.failed(id, `status ${reply.status}`, false);
      if (reply.status === 429) ledger?.add({refused: 1});
      return reply;
    }
    const place = id === undefined ? undefined : await journal?.replied(id, reply);
    this.#take({reply, id, place, reservation, worst});
    return reply;
  }

  /** Of a reply that was paid for, and is kept. */
  #take({reply, id, place, reservation, worst}: Taken): void {
    const {service, journal, ledger} = this.#sender;
    const receipt = service.receipt?.(reply);
    const usage = receipt?.usage ?? worst;
    reservation?.settle({calls: 1, usage});
    ledger?.add({...usage, ...(service.price && {usd: costOf(service.price, {calls: 1, usage})})});
    this.#receipt = receipt;
    this.#onPaid({place, receipt, done: () => id !== undefined && journal?.done(id)});
  }
}
