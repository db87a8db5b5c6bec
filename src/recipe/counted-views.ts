import type {VersionOptions} from '../data/versions.ts';
import type {Method} from './recipe.ts';

/** The views of a method that are answered before its students are trained; undefined where there are none. */
export function countedViews({views}: Pick<Method, 'views'>): VersionOptions | undefined {
  return views?.count === undefined ? undefined : {...views, count: views.count};
}
