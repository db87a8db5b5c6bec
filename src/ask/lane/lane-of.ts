import {InputError} from '../../errors.ts';
import type {BatchLane, BatchService} from '../../lane.ts';
import type {Price, Service, Teacher} from '../../teacher.ts';
import type {PricedTeacher} from '../budget/limit.ts';
import {leavesOf} from '../compose/parts.ts';

/** The batch lane of a teacher's service; undefined if it has none. */
export function laneOf({service}: Pick<Teacher, 'service'>): BatchLane | undefined {
  return (service as BatchService | undefined)?.lane;
}

/**
 * Checks that each service that a teacher asks has a batch lane. Teachers in this process need none.
 *
 * @throws InputError that names the one that has none
 */
export function checkLanes(teacher: Teacher): void {
  const leaves = leavesOf(teacher, teacher.detail).map(leaf => leaf.teacher);
  const without = leaves.find(leaf => leaf.service !== undefined && laneOf(leaf) === undefined);
  if (without === undefined) return;
  throw new InputError(
    `Teacher ${without.name} has no batch lane. Those of the adapters openai, anthropic and gemini have one, ` +
      'and questions need `maxQuestions: 1` for it. Ask this one without `--lane batch`.',
  );
}

/** The price of a service's batch lane; undefined if the service's price is not known. */
export function lanePrice({price}: Pick<Service, 'price'>, {priceShare}: BatchLane): Price | undefined {
  if (price === undefined) return undefined;
  const {perCall = 0, perMillionInputTokens = 0, perMillionOutputTokens = 0} = price;
  return {
    perCall: perCall * priceShare,
    perMillionInputTokens: perMillionInputTokens * priceShare,
    perMillionOutputTokens: perMillionOutputTokens * priceShare,
  };
}

/** A teacher as a budget sees it, at the price of its batch lane if it has one. */
export function atLanePrice(teacher: Teacher): PricedTeacher {
  const {name, service} = teacher;
  const lane = laneOf(teacher);
  if (service === undefined || lane === undefined) return teacher;
  const {price: _, ...rest} = service;
  const price = lanePrice(service, lane);
  return {name, service: {...rest, price}};
}
