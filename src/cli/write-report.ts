import {costOf, dollars} from '../ask/budget/price.ts';
import type {LedgerSnapshot} from '../ask/ledger.ts';
import {count, counted} from '../study/report/format.ts';
import type {Service} from '../teacher.ts';
import {AVOIDED, EXAMPLES, LONGEST, promptFor} from '../write/prompt.ts';
import {lacking, requestsFor, type WriteOptions, type WriteResult} from '../write/write-texts.ts';
import type {Writer} from '../writer.ts';

type Plan = Omit<WriteOptions, 'ask' | 'signal'>;

/** Says how much is asked for and what it costs at most; undefined if nothing is lacking. */
export function costNote({prompted, model}: Writer, plan: Plan): string | undefined {
  const {least, most} = requestsFor(plan);
  if (most === 0) return undefined;
  const asked = `${model} is asked for texts in ${count(least)} to ${counted(most, 'request')}`;
  if (prompted.service === undefined) return `${asked}, in this process.`;
  const usd = worstCost(prompted.service, plan);
  if (usd === undefined) return `${asked}. Its price is not known: give its adapter a \`price\` to see the cost.`;
  return `${asked}: ${dollars(most * usd)} at most, if every reply is as long as it may be and none is asked for again.`;
}

/** The most that one request costs; undefined if nobody knows. Every part of its prompt is the longest that it can be. */
function worstCost({price, worstCase}: Service, {task, perRequest, seed}: Plan): number | undefined {
  if (price === undefined) return undefined;
  const {classes, styles, lengths} = task;
  // Four bytes a character is the most.
  const text = '\u{1F600}'.repeat(LONGEST);
  const shown = new Array<string>(EXAMPLES).fill(text);
  const written = classes.map(() => new Array<string>(AVOIDED).fill(text));
  const longest = {...task, styles: [longestOf(styles)], lengths: [longestOf(lengths)]};
  const described = classes.map(({name, description}) => `${name} ${description}`);
  const unsure = classes.map(() => ({texts: shown, others: [described.indexOf(longestOf(described))]}));
  const costs = classes.map((_, label) => {
    const prompt = promptFor({label, number: 0, count: perRequest}, {task: longest, seed, written, unsure});
    return costOf(price, {calls: 1, usage: worstCase?.([{input: {kind: 'text', text: prompt}}])});
  });
  return Math.max(...costs);
}

function longestOf(texts: readonly string[]): string {
  return texts.reduce((one, other) => (other.length > one.length ? other : one));
}

export function failureNote({count: failures, first}: WriteResult['failed']): string {
  return `${counted(failures, 'request')} brought no texts. The first: ${first?.message}`;
}

export function stopNote(reason: Error): string {
  return reason.name === 'AbortError'
    ? 'It was stopped. What was answered is kept: the same command goes on from there.'
    : `It ended early. ${reason.message}`;
}

/** What a run wrote, for its report. */
export interface Written
  extends Pick<WriteOptions, 'task' | 'before' | 'count'>,
    Pick<WriteResult, 'lines' | 'made' | 'repeated' | 'requests'> {
  /** The file. */
  readonly out: string;
  readonly ledger: LedgerSnapshot;
  /** Whether a student chose the texts that are kept. */
  readonly isChosen: boolean;
}

/** The report for programs. */
export function writtenDocument(written: Written): object {
  const {out, lines, before, made, repeated, requests, ledger} = written;
  const added = lines.length - before.length;
  return {file: out, texts: lines.length, added, made, repeated, requests, short: shortOf(written), ledger};
}

/** How many classes that lack texts are named. */
const NAMED = 5;

/** The report for people. */
export function describeWritten(written: Written): string {
  const {out, lines, before, made, repeated, requests, isChosen, ledger} = written;
  const {bought, cached, usd} = ledger;
  const lacks = Object.entries(shortOf(written));
  const short = lacks.reduce((sum, [, missing]) => sum + missing, 0);
  const named = lacks.slice(0, NAMED).map(([name, missing]) => `${name} ${count(missing)}`);
  const others = lacks.length > NAMED ? ' and other classes' : '';
  const cost = usd ? `, ${dollars(usd)}` : '';
  return [
    `${counted(lines.length - before.length, 'text')} added to ${out}, which holds ${count(lines.length)}`,
    `${count(made)} made in ${counted(requests, 'request')} (${count(bought)} bought, ${count(cached)} cached${cost}); ${count(repeated)} left out as repeats`,
    ...(isChosen ? ['Of the others, those that the student is least sure of are kept'] : []),
    ...(short > 0
      ? [`${counted(short, 'text')} short: ${named.join(', ')}${others}. The same command asks for more`]
      : []),
  ].join('\n');
}

function shortOf({task, lines, count: wanted}: Written): Readonly<Record<string, number>> {
  const each = lacking({task, before: lines, count: wanted});
  return Object.fromEntries(
    each.flatMap((missing, label) => (missing > 0 ? [[task.classes[label]!.name, missing]] : [])),
  );
}
