import * as Plot from '@observablehq/plot';
import {parseHTML} from 'linkedom';
import {type Html, html, trusted} from './html.ts';

/** The text of a drawing for those who can't see it. */
export interface Description {
  /** Names the drawing in a few words. */
  readonly label: string;
  /** Says in a sentence or two with numbers what it shows. */
  readonly description: string;
}

/** As much of the DOM as is used here. */
interface Element {
  readonly innerHTML: string;
  readonly attributes: Iterable<{readonly name: string; value: string}>;
  querySelectorAll(selector: string): Iterable<Element>;
  remove(): void;
  removeAttribute(name: string): void;
}

const {document} = parseHTML('<!doctype html><html><body></body></html>');

/** Draws a plot as inline SVG of its own width and height, which the page may scale down. */
export function drawn(
  options: Plot.PlotOptions & {readonly width: number; readonly height: number},
  description: Description,
): Html {
  const plot: Element = Plot.plot({...options, className: 'plot', document});
  for (const style of plot.querySelectorAll('style')) style.remove();
  for (const element of plot.querySelectorAll('*')) {
    // The kind of each mark, which says nothing to a reader, and is not allowed on a group.
    element.removeAttribute('aria-label');
    for (const attribute of element.attributes) attribute.value = rounded(attribute.value);
  }
  return svg({width: options.width, height: options.height}, description, trusted(plot.innerHTML));
}

/** An inline SVG with its name and description. A root `<title>` is left out: it would hide the titles of the marks. */
export function svg(
  {width, height}: {readonly width: number; readonly height: number},
  {label, description}: Description,
  content: Html | readonly Html[],
): Html {
  return html`<svg class="plot" role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" fill="currentColor" font-size="12" text-anchor="middle"><desc>${description}</desc>${content}</svg>`;
}

/** Coordinates to a hundredth of a pixel: the file is half as long, and the eye sees no difference. */
function rounded(attribute: string): string {
  return attribute.replace(/-?\d+\.\d{3,}/g, number => String(Math.round(Number(number) * 100) / 100));
}

/** 1, 2 and 5 of every power of ten among these values, or the powers alone if that would be too many. */
export function logTicks(values: readonly number[]): readonly number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({length: Math.ceil(Math.log10(high)) - first + 1}, (_, index) => first + index);
  const digits = powers.length > 4 ? [1] : [1, 2, 5];
  return powers
    .flatMap(power => digits.map(digit => Number(`${digit}e${power}`)))
    .filter(tick => tick >= low && tick <= high);
}
