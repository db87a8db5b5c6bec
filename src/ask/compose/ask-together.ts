import type {Outcome, Query} from '../../teacher.ts';
import {haltAfter} from '../each.ts';
import type {LayerOptions} from '../layer.ts';
import type {AskPart} from './parts.ts';

/**
 * Asks all parts at once. Row i holds the outcomes of part i. A query has an outcome when every part has one for it. If
 * a part can't be asked, requests of the others that are under way finish, so that their answers are kept.
 */
export async function askTogether(
  queries: readonly Query[],
  parts: readonly AskPart[],
  options: LayerOptions,
): Promise<readonly (readonly Outcome[])[]> {
  const {stop, onSettled, ...others} = options;
  const halt = haltAfter(stop, options.signal);
  const settled = parts.map(() => 0);
  let told = 0;
  const tell = (least: number) => {
    if (least > told) onSettled?.(least - told);
    told = Math.max(told, least);
  };
  const asked = await Promise.all(
    parts.map(async (ask, index) => {
      const onPart = (count: number) => {
        settled[index]! += count;
        tell(Math.min(...settled));
      };
      try {
        return await ask(queries, {...others, stop: halt.signal, onSettled: onPart});
      } catch (error) {
        halt.fail(error);
        return [];
      }
    }),
  );
  halt.end(asked.every(({length}) => length === queries.length));
  tell(queries.length);
  return asked;
}
