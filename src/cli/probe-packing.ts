import {isShown, type PackTrend} from '../ask/probe/pack-trend.ts';
import type {PackChoice, PackingFindings, TriedPacks} from '../ask/probe/packing.ts';
import type {RequestFindings} from '../ask/probe/requests.ts';
import {changeTexts, eachText, percentOf} from './probe-changes.ts';

/** @param packed - the requests of packs */
export function packingRows({alone, trend, ...found}: PackingFindings, packed?: RequestFindings): string[][] {
  return [...sizeRows({...found, ...(packed && {packed})}, alone), ...trendRows(trend)];
}

/** @param alone - the requests about inputs alone */
export function packChoiceRows(
  {tried, size, agreement, leastInputs, trend}: PackChoice,
  alone: RequestFindings | undefined,
): string[][] {
  const wanted = percentOf(agreement);
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

function sizeRows({size, packed, ...changes}: TriedPacks, alone: RequestFindings | undefined): string[][] {
  const [kept, more] = changeTexts(changes, {as: 'alone', again: 'alone again', what: `packing ${size}`});
  return [
    ['packed', kept],
    ['', more],
    ['', alone && packed ? `an input packed: ${eachText(packed)}; alone: ${eachText(alone)}` : ''],
  ];
}
