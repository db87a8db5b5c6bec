import {dollars} from '../ask/budget/price.ts';
import type {LabelChanges} from '../ask/probe/changes.ts';
import type {RequestFindings} from '../ask/probe/requests.ts';
import {count, counted, shortDuration} from '../study/report/format.ts';

/** The words for two ways to ask. */
interface Ways {
  /** The way that labels are compared with, after "as". */
  readonly as: string;
  /** The same way a second time. */
  readonly again: string;
  /** What changes labels, as a subject. */
  readonly what: string;
}

/** What another way to ask changes, as two sentences. */
export function changeTexts(
  {compared, changed, changedAgain, interval, extra, extraInterval}: LabelChanges,
  {as, again, what}: Ways,
): readonly [string, string] {
  const [low, high] = interval.map(value => (100 * value).toFixed(1));
  const sign = extra < 0 ? -1 : 1;
  const shown = (value: number) => (100 * sign * value).toFixed(1).replace('-', '−');
  const [least, most] = sign < 0 ? extraInterval.toReversed().map(shown) : extraInterval.map(shown);
  const points = (100 * Math.abs(extra)).toFixed(1);
  return [
    `${count(compared - changed)} of ${counted(compared, 'label')} as ${as} (${low} to ${high} %); ${again}, ${count(compared - changedAgain)} are`,
    `${what} changes ${points} % ${extra < 0 ? 'fewer' : 'more'} labels than asking again does (${least} to ${most} %)`,
  ];
}

/** A share in percent, with the decimals that it needs. */
export function percentOf(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}

/** What an input takes. */
export function eachText({perQuestion, whole}: RequestFindings): string {
  const tokens = perQuestion ? counted(Math.round(perQuestion.inputTokens + perQuestion.outputTokens), 'token') : '';
  const share = whole.calls / whole.inputs;
  return [
    ...(tokens === '' ? [] : [tokens]),
    ...(whole.usd === undefined ? [] : [dollars(whole.usd / whole.inputs)]),
    share === 1 ? 'a request' : `1/${Math.round(1 / share)} of a request`,
    ...(whole.seconds === undefined ? [] : [shortDuration(whole.seconds / whole.inputs)]),
  ].join(', ');
}
