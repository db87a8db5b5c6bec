import {InputError} from '../../src/errors.ts';
import {kinds, type Shape} from '../../src/options.ts';
import type {Json} from '../../src/teacher.ts';

export interface OpenRouterOptions {
  /**
   * Whether OpenRouter may ask only models that are marked as distillable: `enforce_distillable_text` among its
   * provider preferences. The field is part of the identity.
   *
   * @default true at OpenRouter's address; other services don't know it
   */
  readonly distillableOnly?: boolean;
}

/** The kinds of `OpenRouterOptions`. */
export const OPEN_ROUTER_KINDS: Shape<OpenRouterOptions> = {distillableOnly: kinds.flag};

const OPEN_ROUTER = 'https://openrouter.ai';

/**
 * Returns the fields of a request's body by which OpenRouter asks only models that may be distilled.
 *
 * @param address - of the service
 * @param preferences - the user's own, which are kept
 * @throws InputError if the option is for another service
 */
export function distillableFields(
  {distillableOnly}: OpenRouterOptions,
  address: string,
  preferences: {readonly [preference: string]: Json} = {},
): {readonly provider?: {readonly [preference: string]: Json}} {
  if (new URL(address).origin === OPEN_ROUTER) {
    if (distillableOnly === false) return {};
    return {provider: {enforce_distillable_text: true, ...preferences}};
  }
  if (distillableOnly === undefined) return {};
  throw new InputError('`distillableOnly` is an option of OpenRouter, and `url` is another service. Leave it out.');
}
