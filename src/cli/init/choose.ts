import {createInterface} from 'node:readline/promises';
import type {TextFormat} from '../../data/texts/format.ts';
import {InputError} from '../../errors.ts';
import type {Terminal} from '../terminal.ts';
import type {Described} from './readers.ts';

/** The choices that the command line makes already. */
export interface InitFlags {
  readonly texts?: string | undefined;
  readonly format?: TextFormat | undefined;
  readonly encoding?: string | undefined;
  readonly quotes?: false | undefined;
  readonly text?: string | undefined;
  readonly label?: string | false | undefined;
  readonly class?: readonly Described[] | undefined;
  /** A file of classes with descriptions. */
  readonly classes?: string | undefined;
  readonly service?: string | undefined;
  readonly url?: string | undefined;
  readonly region?: string | undefined;
  readonly model?: string | undefined;
  readonly output?: string | undefined;
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
  readonly questions: Questions | undefined;
  readonly note: Terminal['note'];
  readonly signal: AbortSignal;
}

type TextFlag = 'texts' | 'text' | 'service' | 'url' | 'region' | 'model' | 'output' | 'price' | 'budget';

/**
 * Takes a choice from its flag, else from a person, else from its default.
 *
 * @param fallback - the default; undefined if there is none
 */
export async function choose<T>(
  {flags, questions}: Asked,
  flag: TextFlag,
  question: string,
  read: (text: string) => T,
  fallback?: string,
): Promise<T> {
  const given = flags[flag] ?? (questions === undefined ? fallback : undefined);
  if (given !== undefined) return read(given);
  if (questions === undefined) throw new InputError(`Give \`--${flag}\`.`);
  return questions.ask(question, read, fallback);
}

/** Asks a person questions that are answered on a line each. */
export interface Questions {
  /** Prints a line between questions. */
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

export interface QuestionsOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Ends the questions. */
  readonly signal: AbortSignal;
  /** Called on Ctrl-C, which a terminal passes to these questions as a key. */
  readonly onInterrupt: () => void;
  /** @default true if `output` is a terminal */
  readonly isTerminal?: boolean;
}

/** @returns questions that fail with an AbortError at Ctrl-C, and at the end of the input */
export function openQuestions({input, output, signal, onInterrupt, isTerminal}: QuestionsOptions): Questions {
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
