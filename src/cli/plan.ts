import {dollars} from '../ask/budget/price.ts';
import type {Estimate} from '../ask/plan/cost.ts';
import type {AskPlan} from '../ask/plan/plan.ts';
import {InputError} from '../errors.ts';
import {loadRecipe} from '../recipe/load.ts';
import {recipeOfFirst} from '../recipe/questions.ts';
import type {Limit, WorkersPlan} from '../study/across-workers.ts';
import {type LevelPlan, planStudy, type StudyPlan} from '../study/plan.ts';
import type {Interval} from '../study/plan-sample.ts';
import {count, counted, duration} from '../study/report/format.ts';
import type {AskingWay} from '../study/ways.ts';
import {type Lane, rowsText, type ShardFlags} from './label.ts';
import {type BudgetFlags, recipeChanges} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface PlanFlags extends BudgetFlags, ShardFlags {
  readonly cache: string;
  /** Calls a second. */
  readonly rate?: number;
  readonly lane?: Lane;
  /** Workers that share the transfer set. */
  readonly queue?: number;
  /** Seconds of a request. */
  readonly latency?: number;
  readonly offline?: boolean;
  readonly json?: boolean;
}

export async function runPlan(path: string, flags: PlanFlags): Promise<void> {
  const {cache, rate, lane, queue, latency, offline = false, json = false} = flags;
  const terminal = openTerminal({json});
  if (latency !== undefined && queue === undefined) {
    throw new InputError('`--latency` is for workers. Add `--queue` with their number.');
  }
  const workers = queue === undefined ? undefined : {count: queue, ...(latency !== undefined && {latency})};
  const loaded = recipeOfFirst(await loadRecipe(path));
  const recipe = {...loaded, ...recipeChanges(loaded, flags)};
  const byBatches = lane === 'batch';
  const plan = await planStudy(recipe, {
    ...{cache, byBatches, workers, shard: flags.rows ?? flags.shard, onNote: terminal.note, isOffline: offline},
    ...(rate && {rate: {requestsPerMinute: 60 * rate}}),
  });
  if (plan.note) terminal.note(plan.note);
  terminal.result(plan, planText(plan));
}

/** Describes a plan for people: a paragraph for each level, and one for all services together. */
export function planText({name, cache, part, levels, total}: StudyPlan): string {
  const asked = levels.filter(({isService}) => isService);
  return [
    `What asking takes for ${part ? `${rowsText(part)} of ` : ''}${name}, with the answers in ${cache}`,
    ...levels.map(levelText),
    ...(asked.length > 1 && total.calls.worst > 0
      ? [`All services together\n${table({...total, byBatches: asked.some(({byBatches}) => byBatches)})}`]
      : []),
    'At least: every request is answered at the first try, with the shortest reply. At most: every reply is as long as possible,\n' +
      'and every request is retried as often as allowed after errors. Refusals (429) come on top.',
  ].join('\n\n');
}

function levelText(plan: LevelPlan): string {
  const {level, method, about, teacher, isService, parts = []} = plan;
  const heading = `${level}${method === undefined ? '' : ` for ${method}`}, ${about}: ${teacher}`;
  const lineOf = plan.atMost ? chosenLine : inputsLine;
  // A part may be asked several times about one input.
  const ofParts = parts.map(part => `  of ${part.teacher}:\n  ${lineOf(part, 'query')}`);
  const choice = plan.choice === undefined ? [] : [`  ${plan.choice}.`];
  const lines = [heading, lineOf(plan, 'input'), ...estimateLines(plan), ...choice, ...ofParts];
  if (!isService || !isOpen(plan)) return lines.join('\n');
  const {workers, ways} = plan;
  const beside = [...(workers ? [workersText(workers)] : []), ...(ways ? [waysTable(ways)] : [])];
  return [...lines, table(plan), `  ${expectation(plan)}`, ...beside].join('\n');
}

const LIMITS: Readonly<Record<Limit, string>> = {
  requestsPerMinute: 'the requests a minute of the account',
  tokensPerMinute: 'the tokens a minute of the account',
  concurrency: 'the `concurrency` of the teacher',
  workers: 'the workers',
};

function workersText({count: workers, latency, concurrency, seconds, bottleneck, enough}: WorkersPlan): string {
  const fewer = enough === undefined ? '' : `: ${counted(enough, 'worker')} would be as fast`;
  const more = enough === undefined ? '' : `: ${counted(enough, 'worker')} would reach the next limit`;
  return [
    `  With ${counted(workers, 'worker')} of a queue, together ${counted(concurrency, 'request')} at once, ${latency} s each`,
    row('time', cells(seconds, duration)),
    `  Limited by ${LIMITS[bottleneck]}${bottleneck === 'workers' ? more : fewer}.`,
  ].join('\n');
}

/** Says that a plan is an estimate, and how far off it may be. */
function estimateLines({sampled, intervals, isService}: LevelPlan): readonly string[] {
  if (sampled === undefined || intervals === undefined) return [];
  const {open, calls, tokens, usd} = intervals;
  const range = ([low, high]: Interval, shown: (value: number) => string) => `${shown(low)} to ${shown(high)}`;
  const costs = [
    `${range(open, count)} to ask`,
    ...(isService ? [`${range(calls, count)} calls`] : []),
    ...(tokens ? [`${range(tokens, count)} tokens`] : []),
    ...(usd ? [`${range(usd, dollars)}`] : []),
  ];
  return [`  An estimate by ${counted(sampled, 'input')}. With 95 % confidence, expected are ${costs.join(', ')}.`];
}

const WAY_COLUMN = 32;

/** The ways to ask side by side: their money if it is known, else their tokens. */
function waysTable(ways: readonly AskingWay[]): string {
  const isPriced = ways.every(({usd}) => usd);
  const shown = isPriced ? dollars : count;
  const cost = ({tokens, usd}: AskingWay) => (isPriced ? usd : tokens);
  const line = (name: string, columns: readonly string[]) =>
    `  ${name.padEnd(WAY_COLUMN)}${columns.map(column => column.padStart(COLUMN)).join('')}`;
  const unit = isPriced ? 'USD' : 'tokens';
  return [
    line('Ways to ask', ['calls', `expected ${unit}`, `at most ${unit}`, 'replies kept']),
    ...ways.map(way => {
      const {expected, worst} = cost(way) ?? {};
      const costs = [expected, worst].map(value => (value === undefined ? 'unknown' : shown(value)));
      return line(nameOf(way), [count(way.calls.expected), ...costs, count(way.keptReplies)]);
    }),
  ].join('\n');
}

function nameOf({pack, byBatches, isPlanned}: AskingWay): string {
  const packs = pack === 1 ? 'one by one' : `${pack} a request`;
  return `${packs}${byBatches ? ', batch lane' : ''}${isPlanned ? ' (as planned)' : ''}`;
}

function inputsLine({inputs, cached, imported, pending = 0, isService}: AskPlan, noun: string): string {
  const waiting = pending > 0 ? `${count(pending)} in batches under way, ` : '';
  const ofLogs = imported === undefined ? '' : ` (${count(imported)} imported)`;
  const line = `  ${counted(inputs, noun)}, ${count(cached)} cached${ofLogs}, ${waiting}${count(inputs - cached - pending)} to ask`;
  return isService ? line : `${line} in this process, free of charge`;
}

function chosenLine({inputs, isService}: AskPlan, noun: string): string {
  const line = `  at most ${counted(inputs, noun)}, chosen in rounds: which ones, and how many are cached, is not known before`;
  return isService ? line : `${line}; in this process, free of charge`;
}

function isOpen({inputs, cached, pending = 0}: AskPlan): boolean {
  return cached + pending < inputs;
}

const COLUMN = 16;

type Totals = StudyPlan['total'] & {readonly byBatches?: boolean | undefined};

function table({calls, tokens, usd, seconds, unbounded, byBatches = false}: Totals): string {
  const unknown = byBatches
    ? 'within a day, according to the services’ terms for batches'
    : 'unknown: give --rate, in calls a second';
  return [
    row('', ['at least', 'expected', 'at most']),
    row('calls', cells(calls, count)),
    row('tokens', tokens ? cells(tokens, count) : (unbounded ?? 'not counted by the service')),
    row('USD', usd ? cells(usd, dollars) : (unbounded ?? 'unknown: give the teacher’s adapter a `price`')),
    row('time', seconds ? cells(seconds, duration) : unknown),
  ].join('\n');
}

function cells({low, expected, worst}: Estimate, shown: (value: number) => string): readonly string[] {
  return [low, expected, worst].map(shown);
}

function row(name: string, cells: readonly string[] | string): string {
  const rest = typeof cells === 'string' ? `    ${cells}` : cells.map(cell => cell.padStart(COLUMN)).join('');
  return `  ${name.padEnd(6)}${rest}`;
}

function expectation({keptReplies, tokens}: LevelPlan): string {
  if (tokens === undefined) return 'Expected: every request is answered at the first try.';
  if (keptReplies === 0)
    return 'Expected: every request is answered at the first try, with the longest reply, because no replies are kept yet.';
  return `Expected: every request is answered at the first try, with replies as long as before (mean of ${counted(keptReplies, 'request')}).`;
}
