import type {Inputs} from '../../src/data/inputs.ts';
import type {Teacher, TextInput} from '../../src/teacher.ts';
import {fakeTeacher} from '../ask/fake-teacher.ts';

/** A task of texts that name their class. */

export const classes: readonly string[] = ['film', 'money'];

export function asInputs(texts: readonly string[]): Inputs {
  return {kind: 'text', count: texts.length, texts};
}

/** @param asked - takes the texts that it is asked about */
export function filmTeacher(asked: Set<string>): Teacher<'black-box'> {
  return {
    ...fakeTeacher({access: 'black-box', detail: {kind: 'label'}, classes}, () => []),
    ask: async queries =>
      queries.map(({input}) => {
        const {text} = input as TextInput;
        asked.add(text);
        return {answer: {kind: 'label', label: text.includes('film') ? 0 : 1}};
      }),
  };
}
