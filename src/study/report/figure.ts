import {type Content, type Html, html} from './html.ts';

/** How many colours there are before they come round again; `style.ts` holds their values. */
export const COLOURS = 8;

/** The colour of a method, the same in every figure, as a CSS value. */
export function colourOf(index: number): string {
  return `var(--method-${index % COLOURS})`;
}

/** The colour of whatever is the teacher's. */
export const TEACHER_COLOUR = 'var(--teacher)';

export interface Panel {
  /** CSS colour of the swatch before the title. */
  readonly colour: string;
  readonly title: string;
  readonly content: Content;
  /** A line under the drawing. */
  readonly note?: Content;
}

/** Small multiples: as many beside each other as the page holds. */
export function panels(width: number, list: readonly Panel[]): Html {
  return html`<div class="panels" style="--panel: ${width}px">${list.map(
    ({colour, title, content, note}) => html`<div class="panel">
<p class="panel-title">${swatch(colour)}${title}</p>
${content}
${note === undefined ? undefined : html`<p class="panel-note">${note}</p>`}</div>`,
  )}</div>`;
}

/**
 * A figure with its caption: first what it shows, then how to read it.
 *
 * @param data - the data of the drawing
 */
export function figure(id: string, content: Content, caption: Content, data?: Html): Html {
  return html`<figure id="${id}">${content}<figcaption>${caption}</figcaption>${data}</figure>`;
}

/** A dot in a method's colour; says nothing that the name beside it does not. */
export function swatch(colour: string): Html {
  return html`<span class="swatch" style="background: ${colour}"></span>`;
}
