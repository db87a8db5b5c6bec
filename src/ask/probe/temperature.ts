import {AnswerStoreError} from '../../errors.ts';
import type {ServiceProbe, TokenStep} from '../../service-features.ts';
import type {Query} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import {askAll} from '../batches.ts';
import type {Ledger} from '../ledger.ts';
import {observed, type Seen} from './requests.ts';
import {changeBetween, type TemperatureTrial} from './tokens.ts';

interface TemperatureOptions {
  readonly queries: readonly Query[];
  /** The requests so far. */
  readonly seen: readonly Seen[];
  readonly signal?: AbortSignal;
}

/** A temperature that changes every log-probability that is taken after it. */
const OTHER = 2;

/**
 * Asks one query again with another temperature. Log-probabilities that are taken before the temperature stay the same.
 *
 * @returns undefined if the service's token scores are not read, or if its replies showed none
 */
export async function tryTemperature(
  asking: Asking,
  {scores, inspect, atTemperature}: ServiceProbe,
  {queries, seen, signal}: TemperatureOptions,
): Promise<{readonly trial: TemperatureTrial; readonly ledger: Ledger} | undefined> {
  const stepIn = ({reply}: Seen): TokenStep | undefined =>
    reply?.status === 200 ? inspect(reply).steps?.[0] : undefined;
  const base = seen.find(request => queries.includes(request.queries[0]!) && stepIn(request));
  if (scores === undefined || atTemperature === undefined || base === undefined) return undefined;
  const temperature = scores.temperature === OTHER ? 1 : OTHER;
  const warm: Seen[] = [];
  const {teacher, ledger} = asking.openAnew(observed(atTemperature(temperature), request => warm.push(request)));
  let problem = 'The reply shows no token that the first one shows.';
  try {
    const [outcome] = await askAll(teacher, base.queries, signal ? {stop: signal} : {});
    if (outcome && 'error' in outcome) problem = outcome.error.message;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AnswerStoreError || !(error instanceof Error)) throw error;
    problem = error.message;
  }
  const [one, other] = [stepIn(base), warm.map(stepIn).find(step => step !== undefined)];
  const change = one && other && changeBetween(one, other);
  return {trial: {temperature, ...(change === undefined ? {problem} : {change})}, ledger};
}
