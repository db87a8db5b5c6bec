import {type Inputs, inputAt} from '../data/inputs.ts';
import {withoutFeatures} from '../knowledge/coarsen.ts';
import type {BatchRecords} from '../knowledge/journal-batches.ts';
import {answerKey} from '../knowledge/key.ts';
import type {AnswerStore} from '../knowledge/store.ts';
import type {BatchLane} from '../lane.ts';
import type {Detail, Question, Rate, Service, Teacher, Usage} from '../teacher.ts';
import {type Leaf, leavesOf, samplesOf} from './compose/parts.ts';
import {findKept, type Lookup} from './kept-answers.ts';
import type {Replies} from './kept-reply.ts';
import {KeptUsage} from './kept-usage.ts';
import {LANE_ATTEMPTS} from './lane/again.ts';
import {laneOf, lanePrice} from './lane/lane-of.ts';
import {type Estimate, type PlanTotal, totalAtOnce} from './plan-total.ts';
import {type Charge, costOf, isByToken} from './price.ts';
import {ATTEMPTS} from './retry.ts';
import {chunkOf} from './teacher-stack.ts';

export interface PlanOptions {
  /** Where answers are kept. It is only read. */
  readonly store: AnswerStore;
  /**
   * Where raw replies are, of answers that were read in another way and are to be read again.
   *
   * @default nowhere: such answers would be bought
   */
  readonly replies?: Replies;
  /**
   * The least that each answer must hold.
   *
   * @default the teacher's `detail`, without its features
   */
  readonly detail?: Detail;
  /**
   * What the account may do in a minute, where that is not what the service's own `rate` says.
   *
   * @default as its `rate` says
   */
  readonly rate?: Rate;
  /**
   * Whether services that have a batch lane are asked by it.
   *
   * @default false
   */
  readonly byBatches?: boolean;
  /**
   * What is in batches that are not collected, see `Journal.batches`.
   *
   * @default nothing
   */
  readonly batches?: Pick<BatchRecords, 'all'>;
}

/** What it takes to ask a teacher about inputs. */
export interface AskPlan extends PlanTotal {
  /** Its name. */
  readonly teacher: string;
  /** Whether it asks a service. One that does not costs nothing but time. */
  readonly isService: boolean;
  readonly inputs: number;
  /** Of these, served without buying: kept, or the same as another one. */
  readonly cached: number;
  /** Of these, in batches that are paid for and not collected; absent where there are none. */
  readonly pending?: number;
  /** Whether it is asked by its batch lane, which takes up to a day; absent where it isn't. */
  readonly byBatches?: true;
  /** Of a teacher that is made of others what it takes of each; an input counts as often as it is asked about. */
  readonly parts?: readonly AskPlan[];
  /** How many kept replies the expected tokens are a mean of. */
  readonly keptReplies: number;
}

/** How often a request may be sent: the attempts of `withRetry`, and once more after an answer that can't be read. */
const MOST_SENDS = ATTEMPTS + 1;

/** Works out what it takes to ask a teacher about inputs. Asks nobody. */
export async function planAsking(
  teacher: Teacher,
  inputs: Inputs,
  {store, replies, detail = withoutFeatures(teacher.detail), rate = {}, byBatches = false, batches}: PlanOptions,
): Promise<AskPlan> {
  const leaves = leavesOf(teacher, detail);
  const inBatches = new Set(batches?.all().flatMap(({keys}) => keys));
  const lookup = {store, replies, planned: new Set<string>(), open: new Uint8Array(inputs.count), inBatches};
  const plans = new Map<Leaf, AskPlan>();
  // What is surely asked first: of what is asked twice only the second asking may be for some questions alone.
  for (const leaf of leaves.toSorted((one, other) => Number(one.isOptional) - Number(other.isOptional))) {
    plans.set(leaf, await planLeaf(leaf, inputs, lookup, {rate, byBatches}));
  }
  const parts = leaves.map(leaf => plans.get(leaf)!);
  if (teacher.parts === undefined) return parts[0]!;
  const services = leaves.filter(leaf => leaf.teacher.service !== undefined);
  return {
    teacher: teacher.name,
    isService: services.length > 0,
    inputs: inputs.count,
    cached: lookup.open.filter(isOpen => isOpen === 0).length,
    parts,
    ...(parts.some(part => part.byBatches) && {byBatches: true as const}),
    ...totalAtOnce(services.map(leaf => ({account: leaf.teacher.service!.account, plan: plans.get(leaf)!}))),
    keptReplies: services.reduce((sum, leaf) => sum + plans.get(leaf)!.keptReplies, 0),
  };
}

/** What is known of all that is planned together. */
interface Planned extends Lookup {
  /** What would be bought already. */
  readonly planned: Set<string>;
  /** 1 for each input about which something would be bought. */
  readonly open: Uint8Array;
  /** The questions that are in batches. */
  readonly inBatches: ReadonlySet<string>;
}

async function planLeaf(
  leaf: Leaf,
  inputs: Inputs,
  lookup: Planned,
  {rate, byBatches}: {readonly rate: Rate; readonly byBatches: boolean},
): Promise<AskPlan> {
  const {teacher, samples, isOptional} = leaf;
  const {name, identity, service, maxBatch} = teacher;
  const lane = byBatches ? laneOf(teacher) : undefined;
  const kept = new KeptUsage();
  const requests = new Requests(service, lane ? LANE_ATTEMPTS : MOST_SENDS);
  let [missing, pending] = [0, 0];
  for await (const {questions, inBatches} of missingChunks(leaf, inputs, lookup, kept)) {
    missing += questions.length;
    pending += inBatches;
    for (let start = 0; start < questions.length; start += maxBatch) {
      requests.add(questions.slice(start, start + maxBatch));
    }
  }
  if (service && missing > 0) await kept.sample(lookup.store, identity);
  const all = requests.cases(kept.mean);
  const cases = isOptional ? {...all, low: {calls: 0}} : all;
  return {
    teacher: name,
    isService: service !== undefined,
    inputs: samples * inputs.count,
    cached: samples * inputs.count - missing - pending,
    ...(pending > 0 && {pending}),
    ...(lane && {byBatches: true as const}),
    calls: across(cases, ({calls}) => calls),
    ...(service && costsOf(chargesOf(service, lane, rate), cases)),
    keptReplies: kept.replies,
  };
}

/** The questions that would be bought, as many together as the layers look up together. */
async function* missingChunks(
  leaf: Leaf,
  inputs: Inputs,
  {planned, open, inBatches, ...lookup}: Planned,
  kept: KeptUsage,
): AsyncGenerator<{readonly questions: readonly Question[]; readonly inBatches: number}> {
  const {teacher, detail, samples} = leaf;
  const size = Math.ceil(chunkOf(teacher) / samples);
  const held = JSON.stringify(detail);
  for (let start = 0; start < inputs.count; start += size) {
    const count = Math.min(size, inputs.count - start);
    const questions = Array.from({length: count}, (_, place) =>
      samplesOf(leaf, {input: inputAt(inputs, start + place)}),
    ).flat();
    const keys = questions.map(question => answerKey(teacher.identity, question));
    const {found} = await findKept(keys, teacher, detail, lookup);
    let waiting = 0;
    const missing = questions.filter((_, place) => {
      const [key, answer] = [`${held} ${keys[place]}`, found.get(keys[place]!)];
      if (answer) kept.add(answer);
      else if (inBatches.has(keys[place]!)) waiting++;
      if (answer || inBatches.has(keys[place]!) || planned.has(key)) return false;
      planned.add(key);
      open[start + Math.floor(place / samples)] = 1;
      return true;
    });
    yield {questions: missing, inBatches: waiting};
  }
}

/** A charge as it may turn out. */
type Cases = {readonly [K in keyof Estimate]: Charge};

function across({low, expected, worst}: Cases, make: (charge: Charge) => number): Estimate {
  return {low: make(low), expected: make(expected), worst: make(worst)};
}

/** The requests that would be sent, and what they may use. */
class Requests {
  readonly #service: Service | undefined;
  readonly #mostSends: number;
  #count = 0;
  #most: Usage = {inputTokens: 0, outputTokens: 0};
  #leastOutput = 0;

  constructor(service: Service | undefined, mostSends: number) {
    this.#service = service;
    this.#mostSends = mostSends;
  }

  add(questions: readonly Question[]): void {
    this.#count++;
    const usage = this.#service?.worstCase?.(questions);
    if (!usage) return;
    this.#most = combine(this.#most, usage, (one, other) => one + other);
    // An answer takes a token at least, where the service counts those of its answers.
    this.#leastOutput += Math.min(questions.length, usage.outputTokens);
  }

  /** @param mean - what a request took, where replies are kept */
  cases(mean: Usage | undefined): Cases {
    const [calls, mostSends] = [this.#count, this.#mostSends];
    if (this.#service?.worstCase === undefined) {
      return {low: {calls}, expected: {calls}, worst: {calls: calls * mostSends}};
    }
    const most = this.#most;
    const expected = mean ? combine(mean, mean, value => Math.round(value * calls)) : most;
    const least = combine({...most, outputTokens: this.#leastOutput}, expected, Math.min);
    const worst = combine(most, expected, (one, other) => Math.max(one, other) * mostSends);
    return {
      low: {calls, usage: least},
      expected: {calls, usage: expected},
      worst: {calls: calls * mostSends, usage: worst},
    };
  }
}

function combine(one: Usage, other: Usage, by: (one: number, other: number) => number): Usage {
  return {
    inputTokens: by(one.inputTokens, other.inputTokens),
    outputTokens: by(one.outputTokens, other.outputTokens),
  };
}

/** What a service charges and how fast it is; a batch lane takes as long as it takes. */
function chargesOf(service: Service, lane: BatchLane | undefined, rate: Rate) {
  if (lane === undefined) return {...service, rate: {...service.rate, ...rate}};
  const price = lanePrice(service, lane);
  return {...(service.worstCase && {worstCase: service.worstCase}), ...(price && {price})};
}

function costsOf(
  {price, worstCase, rate = {}}: Pick<Service, 'price' | 'worstCase' | 'rate'>,
  cases: Cases,
): Pick<AskPlan, 'tokens' | 'usd' | 'seconds'> {
  const {requestsPerMinute = Number.POSITIVE_INFINITY, tokensPerMinute = Number.POSITIVE_INFINITY} = rate;
  const isNothing = cases.worst.calls === 0;
  // Nothing costs nothing, whatever the price.
  const known = isNothing ? {} : price;
  const isPriced = known && (worstCase !== undefined || !isByToken(known));
  const minutes = (charge: Charge) => Math.max(charge.calls / requestsPerMinute, tokensOf(charge) / tokensPerMinute);
  const isPaced = isNothing || minutes(cases.worst) > 0;
  return {
    ...(worstCase && {tokens: across(cases, tokensOf)}),
    ...(isPriced && {usd: across(cases, charge => costOf(known, charge))}),
    ...(isPaced && {seconds: across(cases, charge => 60 * minutes(charge))}),
  };
}

function tokensOf({usage}: Charge): number {
  return usage ? usage.inputTokens + usage.outputTokens : 0;
}
