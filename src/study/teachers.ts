import {sameClasses} from '../data/arrays.ts';
import {InputError} from '../errors.ts';
import {describeDetail, satisfies} from '../knowledge/coarsen.ts';
import type {PlannedMethods, QueryPlan} from '../recipe/methods.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import type {Access, Teacher} from '../teacher.ts';
import {type OpenMethod, openMethod} from './methods.ts';
import type {Services} from './services.ts';

/** The teachers of a study. */
export interface OpenTeachers {
  /** With no layers around them, as the recipe makes them. */
  readonly byLevel: Readonly<Partial<Record<Access, Teacher>>>;
  /** As each query plan asks them. */
  readonly byPlan: ReadonlyMap<QueryPlan, Teacher>;
  /** All methods of the recipe, with those teachers. */
  readonly methods: readonly OpenMethod[];
}

/** The part of a resolved recipe that its teachers are checked against. */
type TeachersRecipe = Pick<ResolvedRecipe, 'teachers' | 'training' | 'data' | keyof PlannedMethods>;

type Settle = (teacher: Teacher) => Teacher;

/**
 * Makes the teachers of some levels and checks them. Asks nothing.
 *
 * @param settled - settles what a teacher leaves open, as the size of its packs
 * @throws InputError if a level has no teacher, or its teacher does not fit; the services are then closed
 */
export async function openTeachers(
  {teachers, queryPlans, methods, training, data}: TeachersRecipe,
  levels: readonly Access[],
  services: Services,
  settled: Settle = teacher => teacher,
): Promise<OpenTeachers> {
  const byLevel: Partial<Record<Access, Teacher>> = {};
  try {
    for (const access of new Set(levels)) {
      const source = teachers[access];
      if (source === undefined) throw new InputError(`The recipe has no ${access} teacher. Add one to \`teachers\`.`);
      byLevel[access] = settled(await source(services));
    }
    const asked = queryPlans.filter(({level}) => byLevel[level] !== undefined);
    const byPlan = new Map(asked.map(plan => [plan, settled(askedBy(plan, byLevel[plan.level]!))]));
    const opened = methods.map(method => openMethod(method, method.queryPlan && byPlan.get(method.queryPlan)));
    for (const method of opened) checkTeacher(method, training.balance);
    for (const teacher of new Set([...Object.values(byLevel), ...byPlan.values()])) checkClasses(teacher, data.classes);
    return {byLevel, byPlan, methods: opened};
  } catch (error) {
    await services.close();
    throw error;
  }
}

/** True if a model of this process answers, or one of its parts does. */
export function asksHere({service, parts}: Teacher): boolean {
  return parts ? parts.teachers.some(({teacher}) => asksHere(teacher)) : service === undefined;
}

/**
 * The teacher that a plan asks, made of the teacher of its level.
 *
 * @throws InputError if the recipe's `asks` gives back none: its type proves nothing
 */
function askedBy({own}: QueryPlan, teacher: Teacher): Teacher {
  if (own?.asks === undefined) return teacher;
  const asked = own.asks(teacher) as Teacher | undefined;
  if (typeof asked?.ask === 'function') return asked;
  throw new InputError(
    `Method \`${own.method}\`: \`asks\` gives back no teacher. Give back what is asked, for example ` +
      '`teacher => repeat(teacher, {samples: 32})`.',
  );
}

/** Checks that a method's teacher gives what its students learn from. */
function checkTeacher({method, level, detail, viewing, asked}: OpenMethod, balance = 0): void {
  if (asked !== undefined && !satisfies(asked.detail, detail)) {
    throw new InputError(
      `Method \`${method}\` learns from ${describeDetail(detail)}, but ${level} teacher ${asked.name} gives ` +
        `${describeDetail(asked.detail)}. Give the method less, or its level a teacher that shows more.`,
    );
  }
  if (balance === 0 || viewing.teacher === undefined) return;
  throw new InputError(
    `Method \`${method}\` learns from views that its teacher answers while students are trained, and \`training.balance\` ` +
      'goes by what was answered before. Give `views.count`, or leave `balance` out.',
  );
}

/** Checks that a teacher has the classes of the data in the same order, so that an index means the same class to both. */
function checkClasses({name, classes: own}: Teacher, classes: readonly string[]): void {
  if (sameClasses(own, classes)) return;
  throw new InputError(
    `Teacher ${name} speaks of the classes ${own.join(', ')}, the data of ${classes.join(', ')}. ` +
      'Give both the same names in the same order.',
  );
}
