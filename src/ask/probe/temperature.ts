import {AnswerStoreError} from '../../errors.ts';
import type {ServiceProbe, TokenStep} from '../../service-probe.ts';
import type {Question} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import {askAll} from '../each.ts';
import type {Ledger} from '../ledger.ts';
import {observed, type Seen} from './observe.ts';
import {changeBetween, type TemperatureTrial} from './tokens.ts';

export interface TemperatureOptions {
  readonly questions: readonly Question[];
  /** The requests so far. */
  readonly seen: readonly Seen[];
  readonly signal?: AbortSignal;
}

/** A temperature that changes every log-probability that is taken after it. */
const OTHER = 2;

/**
 * Asks one question again with another temperature: log-probabilities that are taken before it stay as they are.
 *
 * @returns undefined of a service whose tokens' scores are not read, or whose replies showed none
 */
export async function tryTemperature(
  asking: Asking,
  {scores, inspect, atTemperature}: ServiceProbe,
  {questions, seen, signal}: TemperatureOptions,
): Promise<{readonly trial: TemperatureTrial; readonly ledger: Ledger} | undefined> {
  const stepIn = ({reply}: Seen): TokenStep | undefined =>
    reply?.status === 200 ? inspect(reply).steps?.[0] : undefined;
  const base = seen.find(request => questions.includes(request.questions[0]!) && stepIn(request));
  if (scores === undefined || atTemperature === undefined || base === undefined) return undefined;
  const temperature = scores.temperature === OTHER ? 1 : OTHER;
  const warm: Seen[] = [];
  const {teacher, ledger} = asking.openAnew(observed(atTemperature(temperature), request => warm.push(request)));
  let problem = 'The reply shows no token that the first one shows.';
  try {
    const [outcome] = await askAll(teacher, base.questions, signal ? {stop: signal} : {});
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
