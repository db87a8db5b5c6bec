import {sameClasses} from '../data/classes.ts';
import {InputError} from '../errors.ts';
import {describeDetail, satisfies} from '../knowledge/coarsen.ts';
import type {PlannedMethod, PlannedMethods, QueryPlan} from '../recipe/methods.ts';
import type {Method} from '../recipe/recipe.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import type {Access, Teacher} from '../teacher.ts';
import {type OpenMethod, openMethod} from './methods.ts';
import type {Services} from './services.ts';

/** The teachers of a study. */
export interface OpenTeachers {
  /** With no layers around them, as the recipe makes them. */
  readonly byLevel: ReadonlyMap<Access, Teacher>;
  /** As each query plan asks them. */
  readonly byPlan: ReadonlyMap<QueryPlan, Teacher>;
}

/** The part of a resolved recipe that its teachers are checked against. */
type TeachersRecipe = Pick<ResolvedRecipe, 'teachers' | 'training' | 'data' | keyof PlannedMethods>;

/**
 * Makes the teachers of some levels and checks them. Asks nothing.
 *
 * @throws InputError if a level has no teacher, or its teacher does not fit; the services are then closed
 */
export async function openTeachers(
  recipe: TeachersRecipe,
  levels: readonly Access[],
  services: Services,
): Promise<OpenTeachers> {
  const byLevel = new Map<Access, Teacher>();
  const byPlan = new Map<QueryPlan, Teacher>();
  try {
    for (const access of new Set(levels)) {
      const source = recipe.teachers[access];
      if (source === undefined) throw new InputError(`The recipe has no ${access} teacher. Add one to \`teachers\`.`);
      const teacher = await source(services);
      checkClasses(teacher, recipe.data.classes);
      byLevel.set(access, teacher);
      for (const plan of recipe.queryPlans.filter(({level}) => level === access)) {
        byPlan.set(plan, askedBy(plan, teacher, recipe));
      }
    }
    return {byLevel, byPlan};
  } catch (error) {
    await services.close();
    throw error;
  }
}

/**
 * The teacher that a plan asks, made of the teacher of its level. It has the classes of the data in the same order, so that
 * an index means the same class to both, and gives what the methods of the plan learn from.
 *
 * @throws InputError if it does not
 */
function askedBy(plan: QueryPlan, teacher: Teacher, recipe: TeachersRecipe): Teacher {
  const asked = plan.own?.asks ? plan.own.asks(teacher) : teacher;
  checkAsked(asked, plan);
  checkClasses(asked, recipe.data.classes);
  for (const method of recipe.methods.filter(({queryPlan}) => queryPlan === plan)) {
    checkDetail(asked, method);
    checkBalance(recipe, openMethod(method, asked));
  }
  return asked;
}

/** The recipe decides what `asks` returns, so its type proves nothing. */
function checkAsked(asked: Teacher | undefined, {own}: QueryPlan): void {
  if (typeof asked?.ask === 'function' || own?.asks === undefined) return;
  throw new InputError(
    `Method \`${own.method}\`: \`asks\` gives back no teacher. Give back what is asked, for example ` +
      '`teacher => repeat(teacher, {samples: 32})`.',
  );
}

function checkClasses({name, classes: own}: Teacher, classes: readonly string[]): void {
  if (!sameClasses(own, classes)) {
    throw new InputError(
      `Teacher ${name} speaks of the classes ${own.join(', ')}, the data of ${classes.join(', ')}. ` +
        'Give both the same names in the same order.',
    );
  }
}

function checkDetail({name, detail}: Teacher, {method, level, detail: wanted}: PlannedMethod): void {
  if (satisfies(detail, wanted)) return;
  throw new InputError(
    `Method \`${method}\` learns from ${describeDetail(wanted)}, but ${level} teacher ${name} gives ` +
      `${describeDetail(detail)}. Give the method less, or its level a teacher that shows more.`,
  );
}

function checkBalance(
  {training: {balance = 0}}: Pick<ResolvedRecipe, 'training'>,
  {method, viewing}: Pick<Method, 'method'> & Pick<OpenMethod, 'viewing'>,
): void {
  if (balance === 0 || viewing.teacher === undefined) return;
  throw new InputError(
    `Method \`${method}\` learns from views that its teacher answers while students are trained, and \`training.balance\` ` +
      'goes by what was answered before. Give `views.count`, or leave `balance` out.',
  );
}
