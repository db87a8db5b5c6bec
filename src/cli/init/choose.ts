import {createInterface} from 'node:readline/promises';
import type {TextFormat} from '../../data/texts/format.ts';
import {InputError} from '../../errors.ts';
import type {Terminal} from '../terminal.ts';
import type {Described} from './readers.ts';

/** The choices that the command line makes already. */
export interface InitFlags {
  readonly texts?: string | undefined;
  /** A folder of images in place of texts. */
  readonly images?: string | undefined;
  /** A table whose rows are the inputs, in place of texts. */
  readonly records?: string | undefined;
  readonly format?: TextFormat | undefined;
  readonly encoding?: string | undefined;
  readonly quotes?: false | undefined;
  readonly text?: string | undefined;
  readonly label?: string | false | undefined;
  readonly class?: readonly Described[] | undefined;
  /** A file of classes with descriptions. */
  readonly classes?: string | undefined;
  /** A file of typed questions: a request, or a JSON Schema. */
  readonly questions?: string | undefined;
  /** An encoder for an assistant: a name or a folder, or false for none. */
  readonly encoder?: string | false | undefined;
  readonly service?: string | undefined;
  readonly url?: string | undefined;
  readonly region?: string | undefined;
  readonly model?: string | undefined;
  readonly output?: string | undefined;
  /** The length of an embedding model's vectors. */
  readonly dimensions?: string | undefined;
  readonly price?: string | undefined;
  readonly calls?: number | undefined;
  /** How many texts are kept for measurement, or the path of a file with them. */
  readonly test?: number | string | undefined;
  readonly budget?: string | undefined;
  readonly name?: string | undefined;
}

/** The source of choices that the flags leave open: a person, if there is one. */
export interface Asked {
  readonly flags: InitFlags;
  readonly dialogue: Dialogue | undefined;
  readonly note: Terminal['note'];
  readonly signal: AbortSignal;
}

type TextFlag =
  | 'texts'
  | 'text'
  | 'service'
  | 'url'
  | 'region'
  | 'model'
  | 'output'
  | 'dimensions'
  | 'price'
  | 'budget';

/**
 * Takes a choice from its flag, else from a person, else from its default.
 *
 * @param fallback - the default; undefined if there is none
 */
export async function choose<T>(
  {flags, dialogue}: Asked,
  flag: TextFlag,
  question: string,
  read: (text: string) => T,
  fallback?: string,
): Promise<T> {
  const given = flags[flag] ?? (dialogue === undefined ? fallback : undefined);
  if (given !== undefined) return read(given);
  if (dialogue === undefined) throw new InputError(`Give \`--${flag}\`.`);
  return dialogue.ask(question, read, fallback);
}

/** Asks a person for choices, each of which is answered on a line. */
export interface Dialogue {
  /** Prints a line. */
  say(text: string): void;
  /**
   * Asks until there is an answer that can be read.
   *
   * @param read - reads a line; an `InputError` is shown, and the question is asked again
   * @param fallback - the value of an empty line, as it would be typed
   */
  ask<T>(question: string, read: (line: string) => T | Promise<T>, fallback?: string): Promise<T>;
  close(): void;
}

export interface DialogueOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Ends the dialogue. */
  readonly signal: AbortSignal;
  /** Called on Ctrl-C, which a terminal passes to it as a key. */
  readonly onInterrupt: () => void;
  /** @default true if `output` is a terminal */
  readonly isTerminal?: boolean;
}

/** @returns a dialogue that fails with an AbortError at Ctrl-C, and at the end of the input */
export function openDialogue({input, output, signal, onInterrupt, isTerminal}: DialogueOptions): Dialogue {
  const lines = createInterface({input, output, terminal: isTerminal});
  const ended = new AbortController();
  const anyEnd = AbortSignal.any([signal, ended.signal]);
  lines.on('SIGINT', onInterrupt);
  lines.on('close', () => ended.abort());
  // Keeps lines that come before they are needed, for example from a pipe.
  const waiting: string[] = [];
  lines.on('line', line => waiting.push(line));
  const lineFor = (prompt: string): string | Promise<string> => {
    const early = waiting.shift();
    if (early !== undefined) {
      output.write(`${prompt}${early}\n`);
      return early;
    }
    return lines.question(prompt, {signal: anyEnd});
  };
  return {
    say: text => void output.write(`${text}\n`),
    async ask(question, read, fallback) {
      for (;;) {
        const line = (await lineFor(`${question}${fallback ? ` [${fallback}]` : ''} `)).trim();
        try {
          return await read(line === '' ? (fallback ?? '') : line);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          output.write(`  ${error.message}\n`);
        }
      }
    },
    close: () => lines.close(),
  };
}
