import {classesOf, type Question} from '../../src/question.ts';
import {
  ADVICE,
  chosen,
  type DecisionDialect,
  described,
  type Given,
  isRecord,
  levelText,
  NO_ANSWER,
  noteOnLabelMass,
  probabilitiesBy,
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
  body: (input, questions) => ({input, questions: questions.map(asked)}),
  problemWith: withoutInstructions,
  given: givenIn,
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

function givenIn(document: unknown, questions: readonly (Question | undefined)[]): readonly Given[] | string {
  const answers = isRecord(document) ? document['answers'] : undefined;
  if (!isRecord(answers)) return 'Its reply has no answers by name. Check `url`, `path` and `dialect`.';
  return questions.map(question => {
    const answer = question && Object.hasOwn(answers, question.name) ? answers[question.name] : undefined;
    return question && isRecord(answer) ? given(question, answer) : NO_ANSWER;
  });
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
  return scored(
    score,
    probabilitiesBy(
      classes.map((_, level) => String(level)),
      probabilities,
    ),
  );
}
