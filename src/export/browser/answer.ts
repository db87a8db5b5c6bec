import type {HeadColumns} from '../../student/head-columns.ts';
import {percentage} from '../../study/report/format.ts';
import {type Element, element, make} from './dom.ts';
import {answerId} from './page-input.ts';
import type {BrowserPrediction} from './student.ts';

/** Number of bars that are shown. Further classes are only counted. */
const SHOWN = 10;

/** Number of answers whose median time is shown. */
const TIMED = 20;

/** Shows a student's answers as they come. */
export interface AnswerView {
  /** @param predictions - one for each head */
  show(predictions: readonly BrowserPrediction[]): void;
  clear(): void;
}

/** @param heads - those of the student, in the order of the document */
export function answerView(heads: readonly HeadColumns[]): AnswerView {
  const verdicts = heads.map((_, index) => element(answerId('verdict', index)));
  const times: number[] = [];
  return {
    show(predictions) {
      element('waiting').hidden = true;
      element('answer').hidden = false;
      for (const [index, {classes, calibration}] of heads.entries()) {
        const [verdict, prediction] = [verdicts[index]!, predictions[index]!];
        verdict.className = prediction.abstains ? 'verdict abstains' : 'verdict';
        verdict.textContent = verdictOf(prediction, calibration?.threshold);
        element(answerId('bars', index)).replaceChildren(...barsOf(prediction, classes));
      }
      const [{milliseconds}] = predictions as readonly [BrowserPrediction];
      times.push(milliseconds);
      element('latency').textContent = latencyOf(milliseconds, times.slice(-TIMED));
    },
    clear() {
      element('waiting').hidden = false;
      element('answer').hidden = true;
    },
  };
}

function verdictOf({class: name, confidence, abstains}: BrowserPrediction, threshold: number | undefined): string {
  if (!abstains) return `${name}, ${percentage(confidence, 1)} sure`;
  return `Abstains: ${name} is likeliest, but ${percentage(confidence, 1)} is below ${percentage(threshold ?? 0, 1)}`;
}

function barsOf({probabilities}: BrowserPrediction, classes: readonly string[]): Element[] {
  const order = Array.from(classes.keys()).sort((a, b) => probabilities[b]! - probabilities[a]!);
  const rows = order.slice(0, SHOWN).map(label => barOf(classes[label]!, probabilities[label]!));
  const rest = order.slice(SHOWN);
  if (rest.length === 0) return rows;
  const mass = rest.reduce((sum, label) => sum + probabilities[label]!, 0);
  return [...rows, barOf(`${rest.length} others`, mass)];
}

function barOf(name: string, probability: number): Element {
  const row = make('tr');
  const header = make('th', '', name);
  header.setAttribute('scope', 'row');
  const bar = make('td', 'bar');
  bar.setAttribute('aria-hidden', 'true');
  const [whole, filled] = [make('div'), make('span')];
  filled.style.width = `${100 * probability}%`;
  whole.append(filled);
  bar.append(whole);
  row.append(header, bar, make('td', '', percentage(probability, 1)));
  return row;
}

function latencyOf(milliseconds: number, times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  const others = times.length > 1 ? `; ${median.toFixed(1)} ms is the median of the last ${times.length}` : '';
  return `Computed here in ${milliseconds.toFixed(1)} ms${others}.`;
}
