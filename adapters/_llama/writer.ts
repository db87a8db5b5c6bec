import {createHash} from 'node:crypto';
import type {Prompt} from '../_chat/prompt.ts';
import {TEXTS, WRITER_SYSTEM, writtenIn} from '../_chat/writer.ts';
import type {WritingLlama} from './library.ts';
import type {AnswerTo} from './queue.ts';
import {tokensFor} from './scorer.ts';

export interface WritingOptions {
  /**
   * The most tokens of one answer.
   *
   * @default 2048
   */
  readonly maxTokens: number;
  /** @default 1 */
  readonly temperature: number;
}

/** The usual cut-offs of llama.cpp: set here, because an answer must not change with the library's defaults. */
export const SAMPLING = {topK: 40, topP: 0.95, minP: 0.05};

/**
 * Answers prompts with texts, by tokens that are drawn. The same prompt and sample have the same texts on one machine: the
 * seed of the draw is made of them.
 */
export function writingBy(
  {model, room, render, draw, textOf}: WritingLlama,
  {maxTokens, temperature}: WritingOptions,
): AnswerTo {
  const tokens = tokensFor(model, render);
  return async (text, sample, signal) => {
    const prompt = tokens.of(about => promptAbout(about), text);
    if (typeof prompt === 'string') return prompt;
    const most = Math.min(maxTokens, room - prompt.length);
    if (most < 1) {
      return `The prompt takes ${prompt.length} tokens, and there is room for ${room}. Raise \`contextSize\`.`;
    }
    const drawn: number[] = [];
    for await (const token of draw(prompt, TEXTS, {...SAMPLING, temperature, seed: seedOf(text, sample)})) {
      signal?.throwIfAborted();
      drawn.push(token);
      if (drawn.length >= most) break;
    }
    const written = writtenIn({text: textOf(drawn), finish: drawn.length < most ? 'stop' : 'length'});
    return 'problem' in written ? written.problem : written;
  };
}

function promptAbout(user: string): Prompt {
  return {system: WRITER_SYSTEM, user};
}

function seedOf(text: string, sample: number): number {
  return createHash('sha256').update(`${sample} ${text}`).digest().readUInt32BE();
}
