import {leavesOf} from '../ask/compose/parts.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import type {Access, Teacher} from '../teacher.ts';
import type {TrainOptions} from '../train/options.ts';
import {askedBy, inquiryOf} from './inquiries.ts';

/** A recipe with its teachers. */
interface OpenRecipe {
  readonly recipe: Recipe;
  teacherOf(access: Access): Teacher;
}

/**
 * How a method's students look at inputs while they are trained: by a new view each epoch where its views are not counted,
 * with the teacher that answers about it. What was answered beforehand is taken as it is.
 */
export function viewingOf({recipe, teacherOf}: OpenRecipe, method: Method): Pick<TrainOptions, 'view' | 'teacher'> {
  const {level, views} = method;
  if (views === undefined || views.count !== undefined) return {};
  const {view} = views;
  if (level === 'none') return {view};
  if (level !== 'white-box') return {};
  const teacher = askedBy(inquiryOf(recipe, method), teacherOf(level));
  return answersLive(teacher) ? {view, teacher} : {};
}

/** Whether a teacher can answer while students are trained: it shows all, and asks no service. */
function answersLive(teacher: Teacher): teacher is Teacher<'white-box'> {
  const asksService = leavesOf(teacher, teacher.detail).some(leaf => leaf.teacher.service !== undefined);
  return teacher.access === 'white-box' && !asksService;
}

/** The levels whose teachers may have to answer while students are trained. */
export function liveLevels(methods: readonly Method[]): readonly Access[] {
  const isLive = ({level, views}: Method) => level === 'white-box' && views !== undefined && views.count === undefined;
  return methods.some(isLive) ? ['white-box'] : [];
}

/** What is to be said of a method whose views nobody answers; undefined where there is nothing. */
export function noteOnViews(open: OpenRecipe, method: Method): string | undefined {
  const {level, views} = method;
  if (level === 'none' || views === undefined || views.count !== undefined) return undefined;
  if (viewingOf(open, method).view !== undefined) return undefined;
  const {name} = askedBy(inquiryOf(open.recipe, method), open.teacherOf(level));
  return (
    `Method \`${method.method}\` learns from the inputs as they are: ${name} does not answer while students are trained, ` +
    'and how many views of each input it is to be asked about beforehand is not said. Give `views.count`.'
  );
}
