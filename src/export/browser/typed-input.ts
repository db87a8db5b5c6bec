import {element, type Field} from './dom.ts';
import type {Ask, PageInput} from './page-input.ts';

/**
 * Texts, typed or from a file.
 *
 * @param length - most characters that are read of a text
 */
export function textInput(ask: Ask, length: number): PageInput {
  return typedInput(typed => ask(typed === '' ? undefined : typed), length);
}

/** Numbers, as JSON or with spaces or commas between them. */
export function numbersInput(ask: Ask): PageInput {
  return typedInput(typed => {
    const words = typed.split(/[\s,;[\]]+/).filter(word => word !== '');
    return ask(words.length === 0 ? undefined : words.map(Number));
  });
}

function typedInput(take: (typed: string) => Promise<void>, length = Number.POSITIVE_INFINITY): PageInput {
  const field = element<Field>('typed');
  field.addEventListener('input', () => void take(field.value));
  // A browser can keep typed text when the page is loaded again.
  void take(field.value);
  return {
    async takeFile(file) {
      field.value = (await file.text()).slice(0, length);
      await take(field.value);
    },
  };
}
