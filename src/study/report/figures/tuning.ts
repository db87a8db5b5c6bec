import type {Tuning} from '../../methods.ts';
import type {Results} from '../../results.ts';
import {colourOf, figure, panels} from '../figure.ts';
import {counted, percentage} from '../format.ts';
import type {Html} from '../html.ts';
import {settingText} from '../sentences.ts';
import {dataTable} from '../table.ts';
import {type PlotRow, rowPlot} from './rows.ts';

const WIDTH = 320;

/** The score of each setting that was tried, a panel a method; undefined if no method was tuned. */
export function tuningFigure({methods}: Results): Html | undefined {
  const list = methods.flatMap(({method, tuning}, index) =>
    tuning ? [{colour: colourOf(index), title: method, content: plot(method, tuning, colourOf(index))}] : [],
  );
  if (list.length === 0) return undefined;
  return figure('figure-tuning', panels(WIDTH, list), CAPTION, data(methods));
}

function plot(method: string, {terms, chosen, settings, trials, judgedBy}: Tuning, colour: string): Html {
  const rows = settings.map((setting, index): PlotRow => {
    const own = trials.filter(trial => trial.setting === index);
    const scored = own.flatMap(({score, epochs}) => (score === null ? [] : [{score, epochs}]));
    const last = scored.at(-1);
    const text = last === undefined ? 'came to nothing' : `${percentage(last.score)}, ${counted(last.epochs, 'epoch')}`;
    const name = settingText(terms, setting);
    return {
      name: index === chosen ? `${name}: chosen` : name,
      colour,
      dots: scored.map(({score, epochs}) => ({
        x: score * 100,
        title: `${name}, ${counted(epochs, 'epoch')}: ${percentage(score)}`,
      })),
      mean: (last?.score ?? Number.NaN) * 100,
      interval: undefined,
      text,
      hollow: index !== chosen,
    };
  });
  const description = rows.map(({name, text}) => `${name}: ${text}.`).join(' ');
  return rowPlot(rows, {label: `Settings tried for ${method}`, description, axis: `${judgedBy}, %`});
}

function data(methods: Results['methods']): Html {
  const rows = methods.flatMap(({method, tuning}) =>
    (tuning?.trials ?? []).map(({setting, epochs, score}) => [
      ...[method, settingText(tuning!.terms, tuning!.settings[setting]!), epochs],
      score === null ? Number.NaN : 100 * score,
    ]),
  );
  return dataTable({name: 'tuning', columns: ['method', 'setting', 'epochs', 'score, %'], rows});
}

const CAPTION =
  'The settings that were tried to tune each method, with the score of each trial. A dot is one training; those of few epochs come before those of many, and the upright bar is the last. Filled: the setting that was chosen, by its last score. That score is a little too high, because it is the highest of several.';
