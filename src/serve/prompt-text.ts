import {InputError} from '../errors.ts';

/** Finds the text to classify in a message. Undefined if the message has an unexpected form. */
export type PromptText = (message: string) => string | undefined;

const PLACEHOLDER = '{text}';

/**
 * Makes a function that finds the text in prompts written for a language model.
 *
 * @param prompt - the prompt with `{text}` instead of the text; or a regular expression between slashes, whose first
 * group is the text; undefined takes the whole message
 * @throws InputError if it is none of these
 */
export function promptText(prompt: string | undefined): PromptText {
  if (prompt === undefined) return message => message;
  const [, pattern, flags] = /^\/(.+)\/([a-z]*)$/s.exec(prompt) ?? [];
  if (pattern !== undefined) return byExpression(pattern, flags ?? '', prompt);
  const parts = prompt.split(PLACEHOLDER);
  if (parts.length !== 2) {
    throw new InputError(
      `Expected a prompt with ${PLACEHOLDER} once, instead of the text to classify, or a /regular expression/ with a group. ` +
        `Got \`${prompt}\`.`,
    );
  }
  const [before, after] = [plain(parts[0]!).trimStart(), plain(parts[1]!).trimEnd()];
  return message => {
    const trimmed = plain(message).trim();
    const isLike =
      trimmed.length >= before.length + after.length && trimmed.startsWith(before) && trimmed.endsWith(after);
    return isLike ? trimmed.slice(before.length, trimmed.length - after.length) : undefined;
  };
}

function byExpression(pattern: string, flags: string, prompt: string): PromptText {
  try {
    const expression = new RegExp(pattern, flags.replace(/[gy]/g, ''));
    return message => expression.exec(message)?.[1];
  } catch (cause) {
    throw new InputError(`The prompt \`${prompt}\` is not a regular expression: ${(cause as Error).message}.`, {cause});
  }
}

/** Normalises line ends. */
function plain(text: string): string {
  return text.replace(/\r\n/g, '\n');
}
