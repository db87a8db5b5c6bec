import {dollars} from '../ask/budget/price.ts';
import type {PackingFindings} from '../ask/probe/packing.ts';
import type {RequestFindings} from '../ask/probe/requests.ts';
import {count, counted, shortDuration} from '../study/report/format.ts';

/** @param packed - the requests of packs */
export function packingRows(
  {size, compared, changed, changedAgain, ...found}: PackingFindings,
  packed?: RequestFindings,
): string[][] {
  const {interval, extra, extraInterval, alone} = found;
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
