import {AnswerStoreError, LimbeckError} from '../../errors.ts';
import {joinDetails, withoutFeatures} from '../../knowledge/coarsen.ts';
import {classesOf} from '../../question.ts';
import {hasOwnDetail} from '../../questions.ts';
import type {ProbedService, ServiceProbe} from '../../service-features.ts';
import type {Answer, Detail, Outcome, Query, Teacher} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import {askAll, batchEnd} from '../batches.ts';
import type {Ledger, LedgerSnapshot} from '../ledger.ts';
import {findInAnswers} from './answers.ts';
import {type PackChoice, type PackingFindings, tryPacking} from './packing.ts';
import {packingOf} from './packing-verdicts.ts';
import {problemsIn} from './problems.ts';
import {compareAskings, type Repetition} from './repetition.ts';
import {answeredOf, findInRequests, observed, recalled, type Seen} from './requests.ts';
import {type PromptFindings, tryShorterPrompts} from './shorter-prompts.ts';
import type {ProbeOptions, TeacherProbe} from './teacher-probe.ts';
import {tryTemperature} from './temperature.ts';
import {findInTokens, type TemperatureTrial} from './tokens.ts';

/** The findings about a teacher that is not composed of others, and its answers, one per query. */
export interface ProbedLeaf {
  readonly probe: TeacherProbe;
  readonly outcomes: readonly Outcome[];
}

interface LeafOptions extends ProbeOptions {
  /**
   * How often it would be asked about each input of the whole set.
   *
   * @default 1
   */
  readonly samples?: number;
}

/** Probes a teacher that is not composed of others. */
export async function probeLeaf(asking: Asking, teacher: Teacher, options: LeafOptions): Promise<ProbedLeaf> {
  const asked = await askLeaf(asking, teacher, options);
  return {outcomes: outcomesIn(asked), probe: findingsOf(asked, teacher, options)};
}

/** The outcomes of everything that a teacher was asked. */
interface AskedLeaf {
  readonly before: readonly Outcome[];
  /** Empty if nothing was asked again. */
  readonly after: readonly Outcome[];
  readonly seen: readonly Seen[];
  /** For a teacher with questions: what changes if a question is asked alone. */
  readonly isolation: Repetition | undefined;
  readonly trial: TemperatureTrial | undefined;
  readonly packing?: PackingFindings | undefined;
  readonly packChoice?: PackChoice | undefined;
  readonly prompts?: PromptFindings | undefined;
  readonly paid: TeacherProbe['paid'];
}

async function askLeaf(asking: Asking, teacher: Teacher, options: LeafOptions): Promise<AskedLeaf> {
  const {queries, repeats = true} = options;
  const seen: Seen[] = [];
  const watched = observed(teacher, request => seen.push(request));
  const [first, again] = [asking.open(watched, {isProbe: true}), asking.openAnew(watched)];
  const ledgers: Ledger[] = [first.ledger, again.ledger];
  const {outcomes: before, failed} = await askFirst(first.teacher, queries, options);
  if (failed || !repeats) {
    if (answeredOf(seen).length === 0) seen.push(...(await recalled(asking, teacher, queries)));
    return {before, after: [], isolation: undefined, seen, trial: undefined, paid: sumOf(ledgers)};
  }
  // The order is reversed, so that an answer changes if it depends on its position or its neighbours in a request.
  const reversed = await ask(again.teacher, queries.toReversed(), options);
  const after = reversed.outcomes.toReversed();
  const {isolation, ledger} = await askAlone(asking, teacher, before, options);
  if (ledger) ledgers.push(ledger);
  const trial = {
    ...{queries, seen, inputs: options.inputs, samples: options.samples ?? 1},
    ask: async (other: Teacher, about: readonly Query[]) => (await ask(other, about, options)).outcomes,
  };
  const own = {first: before, again: after};
  const {ledgers: ofPacks, ...packing} = await tryPacking(asking, teacher, own, trial);
  ledgers.push(...ofPacks);
  const {promptAgreement: agreement} = options;
  const shorter = agreement && (await tryShorterPrompts(asking, teacher, own, {...trial, agreement}));
  if (shorter) ledgers.push(...shorter.ledgers);
  const probe = probeOf(teacher);
  const temperature = probe && (await tryTemperature(asking, probe, {...options, seen}));
  if (temperature) ledgers.push(temperature.ledger);
  return {
    before,
    after,
    isolation,
    seen,
    ...packing,
    ...(shorter && {prompts: shorter.prompts}),
    trial: temperature?.trial,
    paid: sumOf(ledgers),
  };
}

/**
 * Asks a teacher with questions about one question of each input again, in a request of its own: an answer changes if it
 * depends on the other questions. The inputs take turns with the questions.
 */
async function askAlone(
  asking: Asking,
  teacher: Teacher,
  before: readonly Outcome[],
  options: LeafOptions,
): Promise<{readonly isolation?: Repetition | undefined; readonly ledger?: Ledger}> {
  const {queries} = options;
  const inputs = [...new Set(queries.map(({input}) => input))];
  if (teacher.questions === undefined || inputs.length === queries.length) return {};
  const rows = inputs.map((input, index) => {
    const own = [...queries.keys()].filter(row => queries[row]!.input === input);
    return own[index % own.length]!;
  });
  const {teacher: single, ledger} = asking.openAnew({...teacher, questions: {...teacher.questions, perRequest: 1}});
  const asked = rows.map(row => ({...queries[row]!, together: undefined}));
  const {outcomes} = await ask(single, asked, options);
  const together = rows.map(row => before[row]!);
  return {isolation: compareAskings(together, outcomes), ledger};
}

interface Asked {
  readonly outcomes: readonly Outcome[];
  /** True if no query was answered. */
  readonly failed: boolean;
}

/**
 * Asks a teacher for all the detail that it gives and that is needed. If it can't be asked at all, each query has that
 * error.
 */
export async function ask(
  teacher: Teacher,
  queries: readonly Query[],
  {needed, signal, onSettled}: ProbeOptions,
): Promise<Asked> {
  try {
    const outcomes = await askAll(teacher, queries, {
      detail: detailAsked(teacher, needed),
      stop: signal,
      onSettled,
    });
    return {outcomes, failed: false};
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof LimbeckError) || error instanceof AnswerStoreError) throw error;
    return {outcomes: queries.map(() => ({error})), failed: true};
  }
}

/** The fullest detail that it gives; features only if they are needed. */
export function detailAsked({detail}: Teacher, needed: Detail): Detail {
  return joinDetails([withoutFeatures(detail), needed]);
}

/** Asks about one input, or one pack, before the others, so that a teacher that can't be asked costs one request. */
async function askFirst(teacher: Teacher, queries: readonly Query[], options: ProbeOptions): Promise<Asked> {
  const maxBatch = packingOf(teacher) ? teacher.maxBatch : 1;
  const one = batchEnd(queries, 0, {maxBatch, questions: teacher.questions});
  const first = await ask(teacher, queries.slice(0, one), options);
  if (first.failed) return {outcomes: queries.map(() => first.outcomes[0]!), failed: true};
  const others = await ask(teacher, queries.slice(one), options);
  const outcomes = [...first.outcomes, ...others.outcomes];
  return {outcomes, failed: answersIn(outcomes).length === 0};
}

/** The first answers, and the second one if there is no first. */
function outcomesIn({before, after}: AskedLeaf): readonly Outcome[] {
  return before.map((outcome, index) => ('answer' in outcome ? outcome : (after[index] ?? outcome)));
}

function findingsOf(asked: AskedLeaf, teacher: Teacher, {samples = 1, ...options}: LeafOptions): TeacherProbe {
  const {before, after, isolation, seen, trial, packing, packChoice, prompts, paid} = asked;
  const probe = probeOf(teacher);
  const replies = answeredOf(seen).flatMap(({reply}) => reply ?? []);
  const inspections = probe ? replies.map(reply => probe.inspect(reply)) : [];
  const outcomes = outcomesIn(asked);
  // Answers of another kind would count as short of what is declared.
  const alike = outcomes.filter((_, row) => !hasOwnDetail(teacher, options.queries[row]!));
  const answers = findInAnswers(answersIn(alike));
  const repetition = compareAskings(before, after);
  const tokens = probe?.scores && findInTokens(inspections, probe.scores, trial);
  const requests = findInRequests(seen, {teacher, samples}, options.inputs);
  const {authors = []} = requests ?? {};
  const description = describe(teacher, options);
  const evidence = {
    ...description,
    outcomes,
    again: after,
    answers,
    repetition,
    isolation,
    tokens,
    inspections,
    authors,
    areDependent: teacher.questions?.areDependent,
  };
  return {
    ...description,
    ...(answers && {answers}),
    ...(repetition && {repetition}),
    ...(isolation && {isolation}),
    ...(tokens && {tokens}),
    ...(requests && {requests}),
    ...(packing && {packing}),
    ...(packChoice && {packChoice}),
    ...(prompts && {prompts}),
    paid,
    problems: problemsIn(evidence),
  };
}

function probeOf({service}: Teacher): ServiceProbe | undefined {
  return (service as ProbedService | undefined)?.probe;
}

/** The declared properties of a teacher. */
export function describe(
  {name, access, classes, questions, detail, details, service}: Teacher,
  {queries, needed}: ProbeOptions,
): Omit<TeacherProbe, 'paid' | 'problems'> {
  return {
    teacher: name,
    access,
    isService: service !== undefined,
    classes: questions ? Math.max(...questions.list.map(question => classesOf(question).length)) : classes.length,
    ...(questions && {questions: questions.list.length}),
    asked: new Set(queries.map(({input}) => input)).size,
    declared: detail,
    ...(details && {details}),
    needed,
  };
}

export function answersIn(outcomes: readonly Outcome[]): readonly Answer[] {
  return outcomes.flatMap(outcome => ('answer' in outcome ? [outcome.answer] : []));
}

const COUNTS = ['calls', 'bought', 'cached', 'inputTokens', 'outputTokens'] as const;

function sumOf(ledgers: readonly Ledger[]): TeacherProbe['paid'] {
  const snapshots = ledgers.map(ledger => ledger.snapshot());
  const sum = (name: keyof LedgerSnapshot) => snapshots.reduce((total, snapshot) => total + (snapshot[name] ?? 0), 0);
  const counts = Object.fromEntries(COUNTS.map(name => [name, sum(name)])) as Record<(typeof COUNTS)[number], number>;
  return {...counts, ...(snapshots.some(({usd}) => usd !== undefined) && {usd: sum('usd')})};
}
