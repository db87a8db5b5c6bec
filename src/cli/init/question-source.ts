import type {Option, Question} from '../../question.ts';
import {field, lines, list, quoted} from './literals.ts';

/** Writes the call that makes a question. */
export function questionSource(question: Question): string {
  const {type, name, instructions = ''} = question;
  const asked = `${quoted(name)}, ${quoted(instructions)}`;
  switch (question.type) {
    case 'predicate': {
      const criteria = [
        ...(question.yes ? [`yes: ${quoted(question.yes)}`] : []),
        ...(question.no ? [`no: ${quoted(question.no)}`] : []),
      ];
      return `${type}(${asked}${criteria.length === 0 ? '' : `, {${criteria.join(', ')}}`})`;
    }
    case 'choice':
      return optionsSource(`${type}(${asked}, `, 'options', question.options);
    case 'score':
      return optionsSource(`${type}(${asked}, `, 'levels', question.levels);
  }
}

/** @param call - the start of the call that takes the options */
function optionsSource(call: string, what: 'options' | 'levels', options: readonly Option[]): string {
  const names = options.map(({name}) => name);
  if (options.every(({description}) => !description)) return `${call}${list(names, 2)})`;
  const fields = options.map(({name, description = ''}) => [name, description] as const);
  const isInOrder = Object.keys(Object.fromEntries(fields)).every((name, index) => name === names[index]);
  if (isInOrder) return `${call}${lines(fields.map(field), 2)})`;
  // An object would put names that are numbers before the others.
  const each = options.map(({name, description}) => {
    const meaning = description ? `, description: ${quoted(description)}` : '';
    return `{name: ${quoted(name)}${meaning}}`;
  });
  return `{...${call}${list(names, 2)}), ${what}: [${each.join(', ')}]}`;
}
