import {dataUrl, textOf} from '../../src/input-kinds.ts';
import {classesOf, type Question} from '../../src/question.ts';
import {
  ADVICE,
  answersByName,
  chosen,
  type DecisionDialect,
  described,
  type Given,
  levelText,
  noteOnLabelMass,
  probabilitiesBy,
  probabilitiesByLevel,
  REFUSED,
  receiptIn,
  scored,
  withCriteria,
  withoutInstructions,
  wrongType,
} from './dialect.ts';

/** SGLang's own form of typed questions: a list in, answers by name out. */
export const sglang: DecisionDialect = {
  mapping: 'sglang 1',
  body: (input, questions) => ({
    input: textOf(input) ?? '',
    questions: questions.map(asked),
    images: input.kind === 'image' ? [dataUrl(input)] : undefined,
  }),
  problemWith: withoutInstructions,
  given: (document, questions) =>
    answersByName(document, questions, given) ?? 'Its reply has no answers by name. Check `url`, `path` and `dialect`.',
  receipt: receiptIn,
  note: noteOnLabelMass,
  refusalAdvice: () => ADVICE,
};

function asked(question: Question) {
  const {type, name: id, instructions} = question;
  switch (question.type) {
    case 'predicate':
      return {id, type: 'yes_no', question: withCriteria(question)};
    case 'choice':
      return {id, type, question: instructions, options: described(question.options, 'name')};
    case 'score':
      return {id, type, question: instructions, levels: question.levels.map(levelText)};
  }
}

function given(question: Question, {type, choice, score, probabilities}: Readonly<Record<string, unknown>>): Given {
  const classes = classesOf(question);
  if (type === 'refusal') return REFUSED;
  if (question.type === 'predicate') {
    if (type !== 'yes_no') return wrongType(type, 'yes_no');
    const read = probabilitiesBy(classes, probabilities);
    return 'problem' in read ? read : {probabilities: read};
  }
  if (type !== question.type) return wrongType(type, question.type);
  if (question.type === 'choice') return chosen(classes, choice, probabilitiesBy(classes, probabilities));
  return scored(score, probabilitiesByLevel(classes.length, probabilities));
}
