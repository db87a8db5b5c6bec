import type {CascadeResult} from '../../evaluate/calibration.ts';
import type {Guarantee} from '../../student/student.ts';
import type {MethodResult, Results} from '../results.ts';
import {count, counted, decimal, MISSING, percent, percentage} from './format.ts';
import {type Html, html} from './html.ts';
import {rowsOf} from './spread.ts';
import {cell, heading, methodHeading, table, wordsHeading} from './table.ts';

/** Says what a cascade promises, and from which confidence on. */
export function promiseText({threshold, guarantee}: Pick<CascadeResult, 'threshold' | 'guarantee'>): string {
  if (guarantee === undefined) {
    return `The threshold, ${decimal(threshold, 4)}, is a point estimate: nothing is guaranteed. A student trained again has a guarantee.`;
  }
  const {agreement, confidence, answers, disagreements, localShare, bound, moreAnswers} = guarantee;
  const target = `Target: ${short(agreement)} agreement with the teacher over all requests, with ${short(confidence)} probability.`;
  if (moreAnswers !== undefined) {
    return `${target} The answers are too few to prove it, so the student answers nothing by itself: ${count(moreAnswers)} more would do.`;
  }
  if (localShare === 0) {
    return (
      `${target} Where the student is surest, it still differs too often to prove it, so it answers nothing by itself. ` +
      'With more answers it may.'
    );
  }
  return (
    `${target} From a confidence of ${decimal(threshold, 4)} on the student answers by itself: ${percentage(localShare, 1)} of ` +
    `requests, by a point estimate. On ${counted(answers, 'calibration answer')} it differed ${times(disagreements)}: agreement ` +
    `${percentage(1 - disagreements / answers)} (a point estimate), ${percentage(1 - bound)} at least.`
  );
}

function times(number: number): string {
  return number === 1 ? 'once' : `${count(number)} times`;
}

/** Says in a sentence how the test split fared. */
export function testText({inputs, localShare, agreement, interval, guarantee}: CascadeResult): string {
  const verdict =
    guarantee === undefined ? '' : `: the target is ${agreement >= guarantee.agreement ? 'kept' : 'missed'} there`;
  return (
    `On ${counted(inputs, 'test input')} the student answers ${percentage(localShare)} itself, and ${percentage(agreement)} ` +
    `(${range(interval)}) of all answers are the teacher’s${verdict}.`
  );
}

/** 0.97 as `97 %`, 0.996 as `99.6 %`. */
function short(share: number): string {
  return `${Number((100 * share).toFixed(3))}\u00a0%`;
}

function range([low, high]: readonly [low: number, high: number]): string {
  return `${percent(low)} to ${percent(high)}`;
}

/** The cascades of each method over its seeds, a sentence a method. */
export function cascadeSentences(results: Results): readonly string[] {
  return results.methods.flatMap(method => {
    const cascades = cascadesOf(results, method);
    return cascades.length === 0 ? [] : [methodSentence(method.method, cascades)];
  });
}

type Guaranteed = CascadeResult & {readonly guarantee: Guarantee};

function cascadesOf(results: Results, method: MethodResult): readonly Guaranteed[] {
  return rowsOf(results, method).flatMap(({cascade}) => (cascade?.guarantee ? [cascade as Guaranteed] : []));
}

function methodSentence(method: string, cascades: readonly Guaranteed[]): string {
  const {guarantee, inputs} = cascades[0]!;
  if (guarantee.moreAnswers !== undefined) return `${method} in a cascade: ${promiseText(cascades[0]!)}`;
  const {agreement, confidence, answers} = guarantee;
  const spread = (value: (cascade: Guaranteed) => number, digits: number) => percentSpread(cascades.map(value), digits);
  const kept = cascades.filter(cascade => cascade.agreement >= agreement).length;
  return (
    `${method} in a cascade: target ${short(agreement)} agreement with ${short(confidence)} probability, by ` +
    `${counted(answers, 'calibration answer')}; the student is expected to answer ${spread(each => each.guarantee.localShare, 1)} itself ` +
    `(a point estimate). On ${counted(inputs, 'test input')} it answers ${spread(each => each.localShare, 1)} itself, agreement ` +
    `${spread(each => each.agreement, 2)}: ${kept} of ${counted(cascades.length, 'student')} keep the target there.`
  );
}

/** `61.3 %`, or `60.2 to 61.3 %` of several that differ. */
function percentSpread(shares: readonly number[], digits: number): string {
  const [low, high] = [percent(Math.min(...shares), digits), percentage(Math.max(...shares), digits)];
  return high.startsWith(low) ? high : `${low} to ${high}`;
}

/** Every student with its teacher behind it; undefined if nothing is promised. */
export function cascadesTable(results: Results): Html | undefined {
  const rows = results.methods.flatMap((method, index) => {
    const own = rowsOf(results, method).filter(({cascade}) => cascade?.guarantee !== undefined);
    return own.map(({seed, cascade}, row) => {
      const head = row === 0 ? methodHeading(method, index, own.length) : undefined;
      return html`<tr>${head}${cell(String(seed))}${cascadeCells(cascade as Guaranteed)}</tr>`;
    });
  });
  if (rows.length === 0) return undefined;
  const head = [
    wordsHeading('method'),
    heading('seed'),
    heading('target', '% agreement'),
    heading('threshold', 'confidence'),
    heading('expected locally', '%, point estimate'),
    heading('calibration', '% agreement, at least'),
    heading('locally', '% of the test split'),
    heading('agreement', '% of the test split, 95\u00a0% interval'),
    wordsHeading('target there'),
  ];
  return table('Each student with its teacher behind it', head, rows);
}

function cascadeCells({threshold, localShare, agreement, interval, guarantee}: Guaranteed): readonly Html[] {
  const {answers, disagreements, bound} = guarantee;
  const isLocal = guarantee.localShare > 0;
  const calibrated = answers === 0 ? MISSING : percent(1 - disagreements / answers);
  return [
    cell(percent(guarantee.agreement), `with ${short(guarantee.confidence)}`),
    cell(isLocal ? decimal(threshold, 4) : MISSING),
    cell(percent(guarantee.localShare, 1)),
    cell(calibrated, `${percent(1 - bound)} of ${count(answers)}`),
    cell(percent(localShare, 1)),
    cell(percent(agreement), range(interval)),
    html`<td class="words">${agreement >= guarantee.agreement ? 'kept' : 'missed'}</td>`,
  ];
}
