import {dollars} from '../budget/price.ts';
import type {AskingProgress} from './progress.ts';

/** The most characters of the text. */
const LENGTH = 80;

/**
 * Progress as a part of a line: answers bought, speed, cost, and the state of the service, for example `1,234 bought ·
 * 98.2/s · $1.23 of ~$4.60 · 32/64 in flight · 12 refused`. Numbers that go up and down keep their width. It has at
 * most 80 characters: the last parts are left out first.
 */
export function askingDetail(progress: AskingProgress): string {
  const [first, ...others] = progress.isDone ? lasting(progress) : passing(progress);
  let text = first!;
  for (const part of others) {
    if (part === undefined) continue;
    if (text.length + part.length + SEPARATOR.length > LENGTH) break;
    text += SEPARATOR + part;
  }
  return text;
}

const SEPARATOR = ' · ';

type Part = string | undefined;

/** The parts that are still of interest when all is done. */
function lasting({bought, cached, usd, budgetSpent, refused, setAside}: AskingProgress): readonly Part[] {
  return [
    `${count(bought)} bought`,
    some(cached, 'cached'),
    usd ? dollars(usd) : undefined,
    budgetSpent === undefined ? undefined : `budget ${percent(budgetSpent)}`,
    some(setAside, 'quarantined'),
    some(refused, 'refused'),
  ];
}

function passing(progress: AskingProgress): readonly Part[] {
  const {bought, cached, perSecond, pausedSeconds, inFlight, limit, refused, setAside} = progress;
  return [
    `${count(bought)} bought`,
    some(cached, 'cached'),
    pausedSeconds > 0 ? `paused ${Math.ceil(pausedSeconds)} s` : `${speed(perSecond)}/s`,
    money(progress),
    budget(progress),
    inFlight === undefined || limit === undefined ? undefined : `${inFlight}/${Math.floor(limit)} in flight`,
    some(setAside, 'quarantined'),
    some(refused, 'refused'),
  ];
}

function some(value: number, what: string): Part {
  return value > 0 ? `${count(value)} ${what}` : undefined;
}

function money({usd, usdAtEnd}: AskingProgress): Part {
  // Nothing was spent, or the service is free.
  if (!usd) return undefined;
  return usdAtEnd === undefined ? dollars(usd) : `${dollars(usd)} of ~${dollars(usdAtEnd)}`;
}

function budget({budgetSpent, budgetAtEnd = 0}: AskingProgress): Part {
  if (budgetSpent === undefined) return undefined;
  return `budget ${percent(budgetSpent)}${budgetAtEnd > 1 ? ', too small' : ''}`;
}

function count(value: number): string {
  return value.toLocaleString('en-GB');
}

/** Rounded down, because a budget that is not spent whole is not at 100 %. */
function percent(share: number): string {
  return `${String(Math.floor(100 * share)).padStart(2)} %`;
}

/** Three significant digits, five characters wide: `982`, `98.2`, `0.12`, `16.6k`; four digits for a million. */
function speed(perSecond: number | undefined): string {
  if (perSecond === undefined) return '–'.padStart(5);
  // Three digits of a million and more would be written with an exponent.
  if (perSecond >= 999_500) return `${Math.round(perSecond / 1000)}k`;
  if (perSecond >= 999.5) return `${(perSecond / 1000).toPrecision(3)}k`.padStart(5);
  return (perSecond < 1 ? perSecond.toFixed(2) : perSecond.toPrecision(3)).padStart(5);
}
