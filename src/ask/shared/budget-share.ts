import {pause} from '../../concurrency.ts';
import {BudgetError} from '../../errors.ts';
import {Excess, type Shares} from '../budget/excess.ts';
import {type Amounts, Balance, type BudgetLimit, NOTHING, type Spending, sum} from '../budget/limit.ts';
import {type Charge, NANO_DOLLARS} from '../budget/price.ts';
import type {Request} from '../budget/request.ts';
import type {BudgetRecord, Statement, Verdict} from './budget-script.ts';

/** Milliseconds before what failed is tried again. */
const RETRY = 200;

export type Told = Extract<Verdict, {kind: 'told'}>;

export interface BudgetShareOptions {
  readonly record: BudgetRecord;
  /** The name of the run, for messages. */
  readonly run: string;
  /** Told each time that the server can't be reached. */
  readonly onFailure: (error: unknown) => void;
}

/** The part of one process in the budget of a run, and what it knows of the others. */
export class BudgetShare {
  readonly #options: BudgetShareOptions;
  readonly #underWay = new Set<Request>();
  /** By the teacher's name, as the others are told of them. */
  readonly #excesses = new Map<string, Excess>();
  #spent: Amounts = NOTHING;
  /** What the others know of it. */
  #told: Amounts = NOTHING;
  #known: Pick<Told, 'spent' | 'limits' | 'excess'> = {spent: NOTHING, limits: [], excess: ''};
  #disturbedAt = Number.NEGATIVE_INFINITY;
  #readyAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: BudgetShareOptions) {
    this.#options = options;
  }

  get limits(): readonly BudgetLimit[] {
    return this.#known.limits;
  }

  /** By all processes, as this one last heard. */
  get spent(): Spending {
    const {calls, tokens, usd} = sum(sum(this.#known.spent, this.#told, -1), this.#spent);
    return {calls, tokens, usd: usd / NANO_DOLLARS};
  }

  /** Milliseconds for which nothing can be reserved, because the server was started again. */
  get holdsFor(): number {
    return Math.max(0, this.#readyAt - performance.now());
  }

  /** When the server was last away, or nothing could be reserved, by the own clock. */
  get disturbedAt(): number {
    return this.#disturbedAt;
  }

  get isUnderWay(): boolean {
    return this.#underWay.size > 0;
  }

  excessOf(teacher: string): Excess {
    const excess = this.#excesses.get(teacher) ?? new Excess();
    this.#excesses.set(teacher, excess);
    return excess;
  }

  begin(request: Request): void {
    this.#underWay.add(request);
  }

  /**
   * Replaces what a request reserved with what it cost.
   *
   * @returns the ratio by which it passes what was seen before; 1 if it doesn't
   * @throws TypeError the second time
   */
  end(request: Request, actual: Charge): number {
    if (!this.#underWay.delete(request)) throw new TypeError('A reservation was settled twice.');
    const {account, charge} = request;
    this.#spent = sum(this.#spent, account.amountsOf(actual));
    const ratio = account.excess.saw(charge, actual);
    if (ratio > 1) this.#raise();
    return ratio;
  }

  /**
   * Tells the others, and reserves for the first of these requests that fit, however long the server is away.
   *
   * @throws BudgetError if the server has lost the budget
   */
  async ask(requests: readonly Request[]): Promise<Told> {
    const {record, run, onFailure} = this.#options;
    while (true) {
      for (const request of requests) request.worst = request.raised;
      const statement = this.#statement;
      try {
        const verdict = await record.tell(
          statement,
          requests.map(({worst}) => worst),
        );
        if (verdict.kind === 'told') return this.#take(verdict, statement);
        if (verdict.kind === 'excess') this.#learn(verdict.excess);
        else if (this.limits.length > 0) throw new BudgetError(lost(run));
        else await record.open();
      } catch (error) {
        if (error instanceof BudgetError || this.#isClosed) throw error;
        onFailure(error);
        await pause(RETRY);
        this.#disturb(0);
      }
    }
  }

  /** The error for a request for which nothing is left. */
  exhausted({worst}: Request): BudgetError {
    const {limits, spent} = this.#known;
    const balance = new Balance(limits);
    balance.spend(spent);
    // What others have reserved can be all that is left.
    return balance.exhausted(balance.passedBy(worst) ?? limits[0]!, worst);
  }

  /** Tells for the last time. What is still reserved counts as spent. */
  async leave(): Promise<void> {
    this.#isClosed = true;
    let verdict: Verdict | undefined;
    do {
      verdict = await this.#options.record.leave(this.#statement);
      if (verdict?.kind === 'excess') this.#learn(verdict.excess);
    } while (verdict?.kind === 'excess');
  }

  get #statement(): Statement {
    const held = [...this.#underWay].reduce((total, {worst}) => sum(total, worst), NOTHING);
    const seen = [...this.#excesses].flatMap(([name, {shares}]) => (shares ? [[name, shares] as const] : []));
    // In one order, so that all that know the same write the same.
    seen.sort(([one], [other]) => (one < other ? -1 : 1));
    const all = seen.length > 0 ? JSON.stringify(Object.fromEntries(seen)) : '';
    const {excess} = this.#known;
    return {spent: this.#spent, held, excess, newExcess: all === excess ? undefined : all};
  }

  #take(told: Told, {spent}: Statement): Told {
    this.#told = spent;
    this.#known = told;
    if (told.wait > 0) this.#disturb(told.wait);
    return told;
  }

  #disturb(wait: number): void {
    this.#disturbedAt = performance.now();
    this.#readyAt = this.#disturbedAt + wait;
  }

  /** Takes over what others saw services charge beyond their limits. */
  #learn(excess: string): void {
    const seen = JSON.parse(excess) as Readonly<Record<string, Shares>>;
    for (const [name, shares] of Object.entries(seen)) this.excessOf(name).learn(shares);
    this.#known = {...this.#known, excess};
    this.#raise();
  }

  #raise(): void {
    for (const request of this.#underWay) request.worst = request.raised;
  }
}

function lost(run: string): string {
  return (
    `Redis has lost the budget of the run ${run}: it came back without its data, so what the run has spent is not known ` +
    'there any more. Nothing more is paid for. Switch on its append-only file, and start the run again with the budget ' +
    'that is left.'
  );
}
