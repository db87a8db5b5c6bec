import {TeacherError} from '../../src/errors.ts';
import type {Access, ReadOutcome, Receipt, Reply} from '../../src/teacher.ts';
import {withHint} from '../_answers/labels.ts';
import {parseJson} from '../_wire/reply.ts';
import type {ChatReading, ChatWords, Completion, Dialect, Unanswered} from './dialect.ts';
import {type Field, fieldsIn, valueIn} from './fields.ts';
import {PACK_IDS, positionsIn} from './pack.ts';

/** Reading of the replies about one list of classes: about one input, or about several in one request. */

export interface ReplyReader<A extends Access> {
  readonly name: string;
  readonly dialect: Dialect<A>;
  readonly words: ChatWords;
}

/** Reads a reply with status 200, about `count` inputs. */
export function readReply<A extends Access>(
  reply: Reply,
  count: number,
  reader: ReplyReader<A>,
): readonly ReadOutcome<A>[] {
  const {name, dialect, words} = reader;
  const positions = positionsIn(reply);
  if (positions?.length === count) return readPack(reply, positions, reader);
  const completions = dialect.completions(parseJson(name, reply));
  const reading =
    typeof completions === 'string' ? {problem: completions, unreadable: true} : dialect.read(completions, words);
  return Array.from({length: count}, () => outcomeOf(name, reading));
}

/** @param about - a sentence's beginning that says what the reading is about */
export function outcomeOf<A extends Access>(
  name: string,
  reading: ChatReading<A>,
  {about = '', isShared = false}: {readonly about?: string; readonly isShared?: boolean} = {},
): ReadOutcome<A> {
  if (!('problem' in reading)) return {answer: reading};
  const {said, unreadable, ...sentences} = reading as Unanswered;
  const details = {status: 200, said, unreadable, ...(isShared && unreadable && {alone: true})};
  return {error: new TeacherError(name, `${about}${withHint(sentences)}`, details)};
}

/**
 * Reads a reply about several inputs. An input whose answer is missing, was cut off or came twice costs no other one: it
 * is to be asked about again, alone.
 */
function readPack<A extends Access>(
  reply: Reply,
  positions: readonly number[],
  reader: ReplyReader<A>,
): readonly ReadOutcome<A>[] {
  const {name, dialect, words} = reader;
  const isShared = positions.length > 1;
  const about = isShared ? `About one of ${positions.length} inputs in a request: ` : '';
  const completions = dialect.completions(parseJson(name, reply));
  if (typeof completions === 'string') {
    return positions.map(() => outcomeOf(name, {problem: completions, unreadable: true}, {about, isShared}));
  }
  const answers = answersIn(completions, dialect);
  return positions.map(position => {
    const reading = readValues(valuesAt(answers, position, isShared), words, dialect);
    return outcomeOf(name, reading, {about, isShared});
  });
}

interface Answer extends Pick<Completion, 'finish'> {
  readonly fields: readonly Field[];
}

/** With their tokens only if they are read. */
function answersIn<A extends Access>(completions: readonly Completion[], {way}: Dialect<A>): readonly Answer[] {
  return completions.map(({finish, text, steps}) => ({
    finish,
    fields: fieldsIn(way === 'letters' && steps ? {text, steps} : {text}),
  }));
}

/** The value for the input at a position, in each completion. */
function valuesAt(answers: readonly Answer[], position: number, isShared: boolean) {
  const isOwn = ({name}: Field) => name === PACK_IDS[position];
  return answers.map(({finish, fields}): Completion | Unanswered => {
    // What stands before a cut is whole.
    const value = valueIn({finish: fields.some(isOwn) ? 'stop' : finish, fields}, isOwn);
    return isShared && !isSaid(value) ? {...value, unreadable: true} : value;
  });
}

/** Reads the values of one field, one for each completion. */
export function readValues<A extends Access>(
  each: readonly (Completion | Unanswered)[],
  words: ChatWords,
  dialect: Dialect<A>,
): ChatReading<A> {
  if (!each.some(isSaid)) return each[0] as Unanswered;
  return dialect.read(
    each.map(value => (isSaid(value) ? value : NOTHING_SAID)),
    words,
  );
}

export function isSaid(value: Completion | Unanswered): value is Completion {
  return !('problem' in value);
}

const NOTHING_SAID: Completion = {text: '', finish: 'stop'};

/** Returns what the user should know about a reply; undefined if nothing, or it can't be read. */
export function noteOn<A extends Access>(reply: Reply, {dialect, words}: ReplyReader<A>): string | undefined {
  try {
    const completions = dialect.completions(parseJson('', reply));
    if (typeof completions === 'string') return undefined;
    const positions = positionsIn(reply);
    if (positions === undefined) return dialect.note?.(completions, words);
    return packNote(positions, answersIn(completions, dialect)) ?? valueNote(positions, completions, {dialect, words});
  } catch {
    return undefined;
  }
}

function packNote(positions: readonly number[], answers: readonly Answer[]): string | undefined {
  const ids = new Set(positions.map(position => PACK_IDS[position]!));
  const count = positions.length;
  const strange = answers.flatMap(({fields}) => fields.filter(({name}) => !ids.has(name)));
  if (strange.length > 0) {
    return (
      `A reply about ${count} inputs has ${strange.length} answers under ids that nobody asked about, which are ignored. ` +
      'If many do, lower `pack`.'
    );
  }
  const cut = answers.find(({finish}) => finish === 'length');
  if (cut === undefined || count === 1) return undefined;
  return (
    `A reply about ${count} inputs was cut off at the token limit after ${cut.fields.length} answers. The others are asked ` +
    'about again, each alone, which costs a request each. Raise `maxTokens`, or lower `pack`.'
  );
}

function valueNote<A extends Access>(
  positions: readonly number[],
  completions: readonly Completion[],
  {dialect, words}: Pick<ReplyReader<A>, 'dialect' | 'words'>,
): string | undefined {
  const answers = answersIn(completions, dialect);
  for (const position of positions) {
    const values = valuesAt(answers, position, true).filter(isSaid);
    const note = values.length > 0 ? dialect.note?.(values, words) : undefined;
    if (note !== undefined) return note;
  }
  return undefined;
}

export function receiptOf<A extends Access>(reply: Reply, dialect: Dialect<A>): Receipt {
  try {
    return dialect.receipt(parseJson('', reply));
  } catch {
    return {};
  }
}
