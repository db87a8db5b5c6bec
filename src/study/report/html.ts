/** A piece of HTML that is safe as it stands. Only `html` and `trusted` make one. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The content of a template. A string is escaped, `undefined` leaves nothing, a list is joined. */
export type Content = Html | string | number | undefined | readonly Content[];

/**
 * HTML from a template. Whatever stands between `${` and `}` is escaped for text and for quoted attributes, unless it is
 * HTML already. Not for the inside of `<script>` or `<style>`, nor for addresses that come from data.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(strings.reduce((text, string, index) => text + written(values[index - 1]) + string));
}

/** Marks text as HTML that this program wrote itself. Never for anything that came from results. */
export function trusted(text: string): Html {
  return new Html(text);
}

/**
 * JSON that can stand inside `<script type="application/json">`: no `<` is left, so no name can end the element.
 * Numbers that JSON can't hold become `null`.
 */
export function jsonScript(value: unknown): Html {
  return new Html(JSON.stringify(value).replaceAll('<', '\\u003c'));
}

function written(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Html) return content.text;
  if (typeof content === 'object') return content.map(written).join('');
  return String(content).replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
