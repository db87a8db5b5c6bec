import {dollars} from '../ask/budget/price.ts';
import {isShown, type PackTrend} from '../ask/probe/pack-trend.ts';
import type {PackChoice, PackingFindings, TriedPacks} from '../ask/probe/packing.ts';
import type {RequestFindings} from '../ask/probe/requests.ts';
import {count, counted, shortDuration} from '../study/report/format.ts';

/** @param packed - the requests of packs */
export function packingRows({alone, trend, ...found}: PackingFindings, packed?: RequestFindings): string[][] {
  return [...sizeRows({...found, ...(packed && {packed})}, alone), ...trendRows(trend)];
}

/** @param alone - the requests about inputs alone */
export function packChoiceRows(
  {tried, size, agreement, leastInputs, trend}: PackChoice,
  alone: RequestFindings | undefined,
): string[][] {
  const wanted = `${Number((100 * agreement).toFixed(2))} %`;
  const found =
    size === undefined
      ? `no size was tried to its end: it takes ${leastInputs} inputs to show ${wanted} of labels as alone; take \`--questions 300\``
      : `${size === 1 ? 'no packs' : `up to ${size} inputs in a request`}: the most that show ${wanted} of labels as alone, with 95 % confidence for all sizes together`;
  return [...tried.flatMap(one => sizeRows(one, alone)), ...trendRows(trend), ['pack auto', found]];
}

/** Says nothing if it is not shown that the position matters. */
function trendRows(trend: PackTrend | undefined): string[][] {
  if (trend === undefined || !isShown(trend)) return [];
  const {changed, others, isLate, p} = trend;
  return [
    [
      '',
      `labels change more often ${isLate ? 'late' : 'early'} in a request: at position ${changed.toFixed(1)} on average, the others at ${others.toFixed(1)} (exact test at 5 %, p = ${p.toPrecision(2)})`,
    ],
  ];
}

function sizeRows(
  {size, compared, changed, changedAgain, interval, extra, extraInterval, packed}: TriedPacks,
  alone: RequestFindings | undefined,
): string[][] {
  const [low, high] = interval.map(value => (100 * value).toFixed(1));
  const sign = extra < 0 ? -1 : 1;
  const shown = (value: number) => (100 * sign * value).toFixed(1).replace('-', '−');
  const [least, most] = sign < 0 ? extraInterval.toReversed().map(shown) : extraInterval.map(shown);
  const points = (100 * Math.abs(extra)).toFixed(1);
  return [
    [
      'packed',
      `${count(compared - changed)} of ${counted(compared, 'label')} as alone (${low} to ${high} %); alone again, ${count(compared - changedAgain)} are`,
    ],
    [
      '',
      `packing ${size} changes ${points} % ${extra < 0 ? 'fewer' : 'more'} labels than asking again does (${least} to ${most} %)`,
    ],
    ['', alone && packed ? `an input packed: ${eachText(packed)}; alone: ${eachText(alone)}` : ''],
  ];
}

function eachText({perQuestion, whole}: RequestFindings): string {
  const tokens = perQuestion ? counted(Math.round(perQuestion.inputTokens + perQuestion.outputTokens), 'token') : '';
  const share = whole.calls / whole.inputs;
  return [
    ...(tokens === '' ? [] : [tokens]),
    ...(whole.usd === undefined ? [] : [dollars(whole.usd / whole.inputs)]),
    share === 1 ? 'a request' : `1/${Math.round(1 / share)} of a request`,
    ...(whole.seconds === undefined ? [] : [shortDuration(whole.seconds / whole.inputs)]),
  ].join(', ');
}
