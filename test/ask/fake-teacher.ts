import type {Access, AnswerOf, AskOptions, LabelAnswer, Outcome, Query, Teacher} from '../../src/teacher.ts';

export interface FakeTeacher<A extends Access> extends Teacher<A> {
  /** The queries of every call so far, as the number that each text holds. */
  readonly calls: number[][];
  /** The options of every call so far. */
  readonly options: AskOptions[];
}

/**
 * A teacher of three classes that is asked about numbers, each the text of an input.
 *
 * @param respond - what becomes of one call, given its numbers and how many calls there were
 */
export function fakeTeacher<A extends Access>(
  fields: Pick<Teacher<A>, 'access' | 'detail'> & Partial<Teacher<A>>,
  respond: (numbers: readonly number[], call: number, options: AskOptions) => Outcome<A>[] | Promise<Outcome<A>[]>,
): FakeTeacher<A> {
  const calls: number[][] = [];
  const options: AskOptions[] = [];
  return {
    name: 'a fake',
    identity: {service: 'fake'},
    classes: ['a', 'b', 'c'],
    maxBatch: 2,
    ...fields,
    calls,
    options,
    async ask(queries, askOptions = {}) {
      const numbers = queries.map(numberOf);
      calls.push(numbers);
      options.push(askOptions);
      return respond(numbers, calls.length, askOptions);
    },
  };
}

/** Queries about these numbers. */
export function about(...numbers: readonly number[]): Query[] {
  return numbers.map(number => ({input: {kind: 'text', text: String(number)}}));
}

export function numberOf({input}: Query): number {
  return input.kind === 'text' ? Number(input.text) : Number.NaN;
}

/** A black-box teacher's answer to a number. */
export function labelled(number: number): {readonly answer: LabelAnswer} {
  return {answer: {kind: 'label', label: number % 3}};
}

/** A white-box teacher's answer to a number. */
export function scored(number: number): {readonly answer: AnswerOf<'white-box'>} {
  return {answer: {kind: 'logits', logits: Float32Array.of(number, 0, -1), features: {}}};
}
