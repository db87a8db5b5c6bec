import {createHash} from 'node:crypto';
import {type RandomGenerator, randomFraction, randomInteger, seededRandom, shuffledIndices} from '../data/random.ts';
import type {WritingTask} from './task.ts';

/** One request for texts of a class. */
export interface WriteRequest {
  /** The index of the class. */
  readonly label: number;
  /** Its number among the requests for the class, from 0. */
  readonly number: number;
  /** How many texts are asked for. */
  readonly count: number;
}

/** What a student is least sure of, for one class. */
export interface Unsure {
  /** Texts of the smallest margins. */
  readonly texts: readonly string[];
  /** Indices of the classes that it wavers between, with this one, the most frequent first. */
  readonly others: readonly number[];
}

/** What prompts are made from, beside the request. */
export interface PromptContext {
  readonly task: WritingTask;
  readonly seed: number;
  /** By class, the texts that were written before. */
  readonly written: readonly (readonly string[])[];
  /**
   * By class, what a student is unsure of.
   *
   * @default there is no student
   */
  readonly unsure?: readonly Unsure[] | undefined;
}

/** Examples in a prompt. */
export const EXAMPLES = 3;

/** Texts in a prompt that are not to be written again. */
export const AVOIDED = 8;

/** The most characters of a text in a prompt. */
export const LONGEST = 300;

/** The share of requests for texts that are close to another class. */
const BOUNDARY = 1 / 3;

/** Among how many classes with the most words in common the other one is drawn. */
const CLOSE = 3;

/** The most names of other classes in a prompt. */
const NAMED = 40;

/** The prompt of a request. Seed, class and number draw how it varies: the same ones give the same prompt. */
export function promptFor({label, number, count}: WriteRequest, context: PromptContext): string {
  const {task, seed, written, unsure} = context;
  const {name, description, examples} = task.classes[label]!;
  const random = seededRandom(seed, `writes ${number} for ${name}`);
  const doubts = unsure?.[label];
  const style = drawn(task.styles, random);
  const length = drawn(task.lengths, random);
  const isClose = randomFraction(random) < BOUNDARY || doubts !== undefined;
  const other = isClose ? otherClass(label, context, random) : undefined;
  const shown = doubts && doubts.texts.length > 0 ? doubts.texts : examples.length > 0 ? examples : task.samples;
  return [
    `The texts are ${task.texts}.`,
    `Write ${count} texts of the class "${name}": ${description}.`,
    ...(other === undefined ? [] : [closeTo(task, name, other)]),
    `Other classes, to which no text may belong: ${othersOf(task, label)}.`,
    `Length: ${length}. Style: ${style}.`,
    ...listed(headingOf(doubts, examples), some(shown, EXAMPLES, random)),
    ...listed('Already written, so write others:', written[label]!.slice(-AVOIDED)),
  ].join('\n');
}

/** The first 16 digits of the SHA-256 of a prompt. */
export function promptHash(prompt: string): string {
  return createHash('sha256').update(prompt).digest('hex').slice(0, 16);
}

function headingOf(doubts: Unsure | undefined, examples: readonly string[]): string {
  if (doubts && doubts.texts.length > 0) return 'Texts that are hard to tell, whose like is wanted:';
  return examples.length > 0 ? 'Examples of the class:' : 'Examples of such texts, of any class:';
}

function closeTo({classes}: WritingTask, name: string, other: number): string {
  const {name: close, description} = classes[other]!;
  return `Each could at first be taken for the class "${close}" (${description}), and is of the class "${name}" all the same.`;
}

/** A class that is close: one that the student wavers about, or one with words in common. */
function otherClass(label: number, {task, unsure}: PromptContext, random: RandomGenerator): number {
  const doubted = unsure?.[label]?.others ?? [];
  if (doubted.length > 0) return drawn(doubted.slice(0, CLOSE), random);
  const own = wordsOf(task, label);
  const others = task.classes.map((_, index) => index).filter(index => index !== label);
  const common = new Map(others.map(index => [index, [...wordsOf(task, index)].filter(word => own.has(word)).length]));
  return drawn(others.toSorted((a, b) => common.get(b)! - common.get(a)! || a - b).slice(0, CLOSE), random);
}

function wordsOf({classes}: WritingTask, label: number): ReadonlySet<string> {
  const {name, description} = classes[label]!;
  return new Set(`${name} ${description}`.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu));
}

function othersOf({classes}: WritingTask, label: number): string {
  const others = classes.filter((_, index) => index !== label).map(({name}) => name);
  return others.length > NAMED ? `${others.slice(0, NAMED).join(', ')} and others` : others.join(', ');
}

function listed(heading: string, texts: readonly string[]): readonly string[] {
  return texts.length === 0 ? [] : [heading, ...texts.map(text => `- ${beginningOf(text)}`)];
}

/** No character is cut in two. */
function beginningOf(text: string): string {
  return [...text.replaceAll(/\s+/g, ' ')].slice(0, LONGEST).join('');
}

function drawn<T>(values: readonly T[], random: RandomGenerator): T {
  return values[randomInteger(random, 0, values.length - 1)]!;
}

function some(texts: readonly string[], count: number, random: RandomGenerator): readonly string[] {
  const order = shuffledIndices(texts.length, randomInteger(random, 0, 2 ** 31 - 1)).subarray(0, count);
  return Array.from(order, index => texts[index]!);
}
