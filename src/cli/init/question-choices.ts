import {InputError} from '../../errors.ts';
import {classesOf, type Option, type Question} from '../../question.ts';
import {counted} from '../../study/report/format.ts';
import type {Dialogue} from './choose.ts';
import {type Described, problemWithLevels, problemWithOptions, readDescribed, readOneOf} from './readers.ts';

/** Asks a person for questions, one after the other, until a name is left empty. */
export async function askQuestions(dialogue: Dialogue): Promise<readonly Question[]> {
  const questions: Question[] = [];
  dialogue.say('Each question has a name, a type, and what is asked in words.');
  for (;;) {
    const taken = questions.map(({name}) => name);
    const end = taken.length > 0 ? ' (Enter: no more)' : ', such as topic or urgent';
    const name = await dialogue.ask(`Name of question ${taken.length + 1}${end}:`, readQuestionName(taken));
    if (name === '') {
      dialogue.say(questionsText(questions));
      return questions;
    }
    questions.push(await askQuestion(dialogue, name));
  }
}

/** @param taken - the names of earlier questions; the first question needs a name */
function readQuestionName(taken: readonly string[]): (line: string) => string {
  return line => {
    if (line === '' && taken.length === 0) throw new InputError('Give one question at least.');
    if (taken.includes(line)) throw new InputError(`There is a question \`${line}\` already.`);
    return line;
  };
}

async function askQuestion(dialogue: Dialogue, name: string): Promise<Question> {
  const instructions = await dialogue.ask('  What is asked, in words?', line => {
    if (line !== '') return line;
    throw new InputError('The teacher needs words.');
  });
  const type = await dialogue.ask(
    '  Its type: choice (which of these?), predicate (no or yes?) or score (how much?)',
    readOneOf<Question['type']>('type', ['choice', 'predicate', 'score']),
    'choice',
  );
  if (type === 'predicate') {
    const yes = await dialogue.ask('  When is the answer yes (Enter: nothing to add)?', line => line);
    const no = await dialogue.ask('  When is it no (Enter: nothing to add)?', line => line);
    return {type, name, instructions, ...(yes && {yes}), ...(no && {no})};
  }
  if (type === 'choice') {
    return {type, name, instructions, options: await askOptions(dialogue, 'Option', problemWithOptions)};
  }
  dialogue.say('  From the lowest level to the highest:');
  return {type, name, instructions, levels: await askOptions(dialogue, 'Level', problemWithLevels)};
}

/** @param problemWith - what is wrong with all of them together */
async function askOptions(
  dialogue: Dialogue,
  what: 'Option' | 'Level',
  problemWith: (options: readonly Option[]) => string | undefined,
): Promise<readonly Option[]> {
  const options: Described[] = [];
  for (;;) {
    const end = options.length < LEAST ? '' : ' (Enter: no more)';
    const question = `  ${what} ${options.length + 1}, as NAME or NAME: what it means${end}:`;
    const option = await dialogue.ask(question, line => {
      if (line === '' && options.length >= LEAST) return undefined;
      const read = readDescribed(line);
      const problem = options.length > 0 ? problemWith([...options, read]) : undefined;
      if (problem !== undefined) throw new InputError(problem);
      return read;
    });
    if (option === undefined) return options;
    options.push(option);
  }
}

/** The fewest options or levels. */
const LEAST = 2;

/** The questions for a review: a line for each, with its classes. */
export function questionsText(questions: readonly Question[]): string {
  const lines = questions.map(question => {
    const {name, type, instructions} = question;
    return `  ${name}: ${instructions || 'no instructions'} (${type}: ${classesOf(question).join(', ')})`;
  });
  return [`Asked about each text: ${counted(questions.length, 'question')}`, ...lines].join('\n');
}
