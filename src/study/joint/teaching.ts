import {joinKnowledge, jointPart} from '../../ask/joint-knowledge.ts';
import {isLabelled} from '../../data/split.ts';
import type {Question} from '../../question.ts';
import {withHeads} from '../../student/heads.ts';
import type {Student, StudentBuilder} from '../../student/student.ts';
import type {JointSplit} from '../../train/validation.ts';
import {atBudget} from '../divide.ts';
import type {AnsweredMethod} from '../methods.ts';
import type {QuestionStudy} from '../studies.ts';
import type {Study} from '../study.ts';
import {checkSource, type JointTraining} from '../training.ts';

/** One question of a study of several, and a method with the answers to it. */
export interface JointPart {
  readonly question: Question;
  /** The study of this question. */
  readonly study: Study;
  readonly method: AnsweredMethod;
}

/** What joint runs learn from: all answers but those to inputs that calibrate any head. */
export interface JointTeaching extends JointTraining {
  /** The same method for each question, at the budget. */
  readonly parts: readonly JointPart[];
  /** Number of inputs; undefined if all of them. */
  readonly budget: number | undefined;
}

/** One run of a study of several questions. */
export interface JointJob {
  /** The folder of the whole study. */
  readonly directory: string;
  /** Runs from several seeds share it. */
  readonly teaching: JointTeaching;
  readonly seed: number;
}

/** @param methods - in the order of the studies */
export function jointParts(
  studies: readonly QuestionStudy[],
  methods: readonly AnsweredMethod[],
): readonly JointPart[] {
  return studies.map(({question, study}, index) => ({question: question!, study, method: methods[index]!}));
}

/**
 * An input that calibrates one head trains none of them: all share their layers.
 *
 * @param whole - the same method for each question
 * @param budget - number of inputs that it learns from; undefined if from all of them
 */
export async function teachingOf(whole: readonly JointPart[], budget: number | undefined): Promise<JointTeaching> {
  const parts = whole.map(part => ({...part, method: atBudget(part.study.recipe, part.method, budget)}));
  for (const {method} of parts) checkSource(method);
  const joint = await joinKnowledge(parts.map(({question, method}) => ({...method.knowledge, question})));
  const {versions = 1} = joint;
  const isApart = new Set<number>();
  for (const [index, {method}] of parts.entries()) {
    const own = new Set(method.apart.calibrationInputs.map(input => input * versions));
    for (const [row, at] of joint.rows[index]!.entries()) if (own.has(at)) isApart.add(Math.floor(row / versions));
  }
  const taught = Array.from({length: joint.count / versions}, (_, input) => input).filter(input => !isApart.has(input));
  return {
    parts,
    budget,
    knowledge: jointPart(joint, taught),
    losses: Object.fromEntries(parts.map(({question, method}) => [question.name, method.losses])),
    viewing: parts[0]!.method.viewing,
    validation: validationOf(parts),
  };
}

/** The validation split, with the true labels of each question that has some. */
function validationOf(parts: readonly JointPart[]): JointSplit | undefined {
  const labelled = parts.flatMap(({question: {name}, study: {recipe}}) =>
    isLabelled(recipe.data) ? [{name, ...recipe.data.validation}] : [],
  );
  const [first] = labelled;
  if (first === undefined) return undefined;
  const labels = Object.fromEntries(labelled.map(({name, labels}) => [name, labels]));
  return {role: 'validation', inputs: first.inputs, labels};
}

/** A student of all questions before its first step. The same seed gives the same weights. */
export function freshJointly({parts}: JointTeaching, seed: number, build: StudentBuilder): Student {
  const questions = parts.map(({question}) => question);
  return withHeads(build, questions)(parts[0]!.study.recipe.task, seed);
}
