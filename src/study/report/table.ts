import type {Comparison, MethodResult} from '../results.ts';
import {colourOf, swatch, TEACHER_COLOUR} from './figure.ts';
import {levelName} from './format.ts';
import {type Content, type Html, html} from './html.ts';
import {isClaim} from './summary.ts';

/** A table in a box of its own, which scrolls sideways on a narrow screen and by the keyboard. */
export function table(name: string, head: Content, body: Content, foot?: Content): Html {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${name}"><table><caption><span>${name}</span></caption>
<thead><tr>${head}</tr></thead>
<tbody>${body}</tbody>${foot === undefined ? undefined : html`<tfoot>${foot}</tfoot>`}
</table></div>`;
}

/** A column of numbers, with its unit below the name. */
export function heading(name: string, unit?: string): Html {
  return html`<th scope="col">${name}${below(unit)}</th>`;
}

/** A column of words, which stand to the left. */
export function wordsHeading(name: string): Html {
  return html`<th scope="col" class="words">${name}</th>`;
}

/** A number as text, with what belongs to it in small below. */
export function cell(text: string, small?: string): Html {
  return html`<td>${text}${below(small)}</td>`;
}

/** A verdict, marked as a claim or as open. */
export function verdictCell(verdict: Comparison['verdict']): Html {
  return html`<td class="words ${isClaim(verdict) ? verdict : 'open'}">${verdict}</td>`;
}

/** The head of a method's row, or of `rows` rows: its colour, name and level, and a link. */
export function methodHeading(
  {method, level}: Pick<MethodResult, 'method' | 'level'>,
  index: number,
  rows = 1,
  link?: Html,
): Html {
  const span = rows > 1 ? html` rowspan="${rows}"` : undefined;
  return html`<th scope="row" class="words"${span}>${swatch(colourOf(index))}${method}${below(levelName(level))}${link}</th>`;
}

/** The head of the teacher's row, with its level if there are several. */
export function teacherHeading(name: string, level?: string): Html {
  return html`<th scope="row" class="words">${swatch(TEACHER_COLOUR)}${name}${below(level)}</th>`;
}

function below(text: string | undefined): Html | undefined {
  return text === undefined ? undefined : html`<small>${text}</small>`;
}
