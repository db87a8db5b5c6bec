import {InputError} from '../../errors.ts';
import {besideEarlier, changesOf, type EndedStudy, isSameSet, otherMethods, readStudy, some} from '../against.ts';
import {list} from '../report/format.ts';
import {jointMissingSentences} from '../report/sentences.ts';
import type {EarlierStudy} from '../results.ts';
import {isOfSeveral, readQuestionsResults} from './files.ts';
import type {QuestionsResults} from './results.ts';
import {asMeasured} from './results-of.ts';

/** A study of several questions that has ended. */
export interface EndedQuestions {
  readonly results: QuestionsResults;
  /** By the name of the question. */
  readonly studies: ReadonlyMap<string, EndedStudy>;
}

/**
 * Reads an earlier study of several questions.
 *
 * @param path - its folder, or its `joint.json`
 * @throws InputError if there are no results of several questions that this version can read
 */
export async function readQuestionsStudy(path: string): Promise<EndedQuestions> {
  if (!(await isOfSeveral(path))) {
    throw new InputError(`${path} is no study of several questions. Give the folder of one, or its \`joint.json\`.`);
  }
  const results = await readQuestionsResults(path);
  const studies = new Map<string, EndedStudy>();
  for (const {question, directory} of results.questions) studies.set(question.name, await readStudy(directory));
  return {results, studies};
}

/** Lays an earlier study beside a later one: each question that both ask, and the agreement on all. */
export function besideEarlierQuestions(now: EndedQuestions, then: EndedQuestions): QuestionsResults {
  const questions = now.results.questions.map(one => {
    const {name} = one.question;
    const earlier = then.studies.get(name);
    if (earlier === undefined) return one;
    return {...one, results: {...one.results, earlier: besideEarlier(now.studies.get(name)!, earlier)}};
  });
  const results = {...now.results, questions};
  return {...results, earlier: besideEarlierJointly(results, then)};
}

/**
 * Lays the joint agreement of an earlier study beside that of a later one.
 *
 * @param now - its questions have the earlier results beside them already
 */
export function besideEarlierJointly(now: QuestionsResults, {results: then}: EndedQuestions): EarlierStudy {
  const {name, finishedAt, versions} = then;
  const [after, before] = [now, then].map(({questions}) => questions.map(({question}) => question.name)) as [
    string[],
    string[],
  ];
  const isComparable =
    isSameSet(after, before) &&
    now.questions.every(({question, results}) => {
      const earlier = then.questions.find(one => one.question.name === question.name);
      return isSameSet(results.classes, earlier!.results.classes);
    });
  return {
    name,
    finishedAt,
    limbeck: versions.limbeck,
    differences: [
      some(
        'Only this study asks',
        after.filter(one => !before.includes(one)),
      ).trim(),
      some(
        'Only the earlier study asks',
        before.filter(one => !after.includes(one)),
      ).trim(),
      ...(isComparable ? [] : ['Agreement on all questions is not compared: the questions or their classes differ.']),
      ...differencesOfQuestions(now),
      ...(isComparable ? otherMethods(asMeasured(now), asMeasured(then)) : []),
      ...jointMissingSentences(then).map(sentence => `In the earlier study, ${sentence}`),
    ].filter(sentence => sentence !== ''),
    changes: isComparable ? changesOf(asMeasured(now), asMeasured(then)) : [],
  };
}

/** What is not the same in both studies of a question; said once if it is so for all questions. */
function differencesOfQuestions({questions}: QuestionsResults): readonly string[] {
  const found = new Map<string, string[]>();
  for (const {question, results} of questions) {
    for (const sentence of results.earlier?.differences ?? []) {
      found.set(sentence, [...(found.get(sentence) ?? []), question.name]);
    }
  }
  return [...found].map(([sentence, names]) =>
    names.length === questions.length ? sentence : `On ${list(names.map(name => `“${name}”`))}: ${sentence}`,
  );
}
