import {imageBase64, textOf} from '../../src/input-kinds.ts';
import type {Option, Question} from '../../src/question.ts';
import type {Json} from '../../src/teacher.ts';
import {
  ADVICE,
  answersByName,
  type DecidedInput,
  type DecisionDialect,
  type Given,
  isRecord,
  levelText,
  type OrderedJson,
  REFUSED,
  receiptIn,
  withoutInstructions,
} from './dialect.ts';

/** Google's names must begin and end with something that can be seen. */
const NAME = /^[^\s\p{C}](?:[^\p{C}]*[^\s\p{C}])?$/u;

/**
 * Google's form of typed questions: maps as in System One, with its own names of criteria and counts.
 *
 * @param given - reads an answer, which has the form of System One
 */
export function google(
  given: (question: Question, answer: Readonly<Record<string, unknown>>) => Given,
): DecisionDialect {
  return {
    mapping: 'google 1',
    body: (input, questions) => ({
      input: inputOf(input),
      questions: new Map(questions.map(question => [question.name, asked(question)])),
    }),
    problemWith: question => withoutInstructions(question) ?? problemWithNames(question),
    given(document, questions) {
      // The input is blocked, whatever is asked about it.
      const feedback = isRecord(document) ? document['prompt_feedback'] : undefined;
      if (isRecord(feedback) && feedback['block_reason']) return questions.map(() => REFUSED);
      return answersByName(document, questions, given) ?? 'Its reply has no answers by name. Check `url` and `path`.';
    },
    receipt(document) {
      const {usage} = isRecord(document) ? document : {};
      const {total_input_tokens, total_output_tokens} = isRecord(usage) ? usage : {};
      return receiptIn({usage: {input_tokens: total_input_tokens, output_tokens: total_output_tokens}});
    },
    refusalAdvice: () => ADVICE,
  };
}

function inputOf(input: DecidedInput): Json {
  if (input.kind !== 'image') return textOf(input);
  return [{type: 'image', data: imageBase64(input), mime_type: input.mediaType}];
}

function asked(question: Question): OrderedJson {
  const {instructions} = question;
  switch (question.type) {
    case 'predicate': {
      const {yes, no} = question;
      const criteria = {true_description: yes || undefined, false_description: no || undefined};
      return {type: 'noul', instructions, criteria: yes || no ? criteria : undefined};
    }
    case 'choice': {
      const criteria = question.options.map(({name, description = ''}) => [name, description] as const);
      return {type: 'choice', instructions, criteria: new Map(criteria)};
    }
    case 'score':
      return {type: 'score', instructions, criteria: question.levels.map(levelText)};
  }
}

function problemWithNames(question: Question): string | undefined {
  const options: readonly Option[] = question.type === 'choice' ? question.options : [];
  const wrong = options.find(({name}) => !NAME.test(name));
  return wrong && `has an option ${JSON.stringify(wrong.name)}, and the service takes no white space around a name`;
}
