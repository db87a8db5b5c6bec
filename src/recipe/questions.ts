import {aboutQuestion} from '../ask/compose/about-question.ts';
import {sameClasses} from '../data/arrays.ts';
import {pathIn} from '../data/bucket/url.ts';
import {isLabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {classesOf, type Question} from '../question.ts';
import type {Access} from '../teacher.ts';
import {methodAbout} from './by-question.ts';
import {conditionsAbout} from './conditions.ts';
import {methodFolder} from './methods.ts';
import type {Recipe, RecipeData} from './recipe.ts';
import type {TeacherSource} from './teacher-source.ts';

/**
 * The recipe about one of the questions of a recipe. Its teachers are asked all questions together, so that those about
 * the others find their answers in the cache.
 */
export function recipeAbout(recipe: Recipe, question: Question): Recipe {
  const {questions: _, data, teachers, methods, check, ...others} = recipe;
  const about = Object.entries(teachers).map(([level, source]) => [level, source && sourceAbout(source, question)]);
  return {
    ...others,
    check: check && conditionsAbout(check, question.name),
    methods: methods.map(method => methodAbout(method, question)),
    data: async () => withClasses(await data(question), question),
    teachers: Object.fromEntries(about) as Recipe['teachers'],
  };
}

/** The recipe about each of its questions; without `questions`, the recipe itself. */
export function recipesOf(
  recipe: Recipe,
): readonly {readonly question: Question | undefined; readonly recipe: Recipe}[] {
  const {questions} = recipe;
  if (questions === undefined) return [{question: undefined, recipe}];
  return questions.map(question => ({question, recipe: recipeAbout(recipe, question)}));
}

/**
 * The recipe about its first question, for what looks at the requests alone: they carry all questions. Without
 * `questions`, the recipe itself.
 */
export function recipeOfFirst(recipe: Recipe): Recipe {
  return recipesOf(recipe)[0]!.recipe;
}

/**
 * The recipe about one question, for what looks at one at a time. A recipe without `questions` is about one.
 *
 * @param name - of the question; not needed if there is one
 * @throws InputError if the recipe has several and none is named, or none of that name
 */
export function recipeOfOne(recipe: Recipe, name: string | undefined): Recipe {
  if (recipe.questions !== undefined) return recipeAbout(recipe, questionOf(recipe.questions, name));
  if (name === undefined) return recipe;
  throw new InputError(`The recipe has no \`questions\`. Leave \`--question ${name}\` out.`);
}

/**
 * One of the questions of a recipe.
 *
 * @param name - of the question; not needed if there is one
 * @throws InputError if there are several and none is named, or none of that name
 */
export function questionOf(questions: readonly Question[], name: string | undefined): Question {
  const known = questions.map(question => question.name).join(', ');
  const isOnly = questions.length === 1 && name === undefined;
  const question = isOnly ? questions[0] : questions.find(each => each.name === name);
  if (question !== undefined) return question;
  const problem =
    name === undefined ? 'The recipe has several questions. Choose one' : `The recipe has no question \`${name}\``;
  throw new InputError(`${problem}: \`--question NAME\`, one of ${known}.`);
}

/** The folder, within that of a recipe, for knowledge, students and results of one of its questions. */
export function questionFolder(directory: string, {name}: Question): string {
  return pathIn(pathIn(directory, 'questions'), methodFolder(name));
}

function sourceAbout<A extends Access>(source: TeacherSource<A>, {name}: Question): TeacherSource<A> {
  return async context => aboutQuestion(await source(context), name);
}

function withClasses<D extends RecipeData>(data: D, question: Question): D {
  const classes = classesOf(question);
  if (isLabelled(data) && !sameClasses(data.classes, classes)) {
    throw new InputError(
      `The data have labels of ${data.classes.join(', ')}, and question \`${question.name}\` has the classes ` +
        `${classes.join(', ')}. \`data\` is called with each question: give the labels of that one.`,
    );
  }
  return {...data, classes};
}
