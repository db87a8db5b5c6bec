import type {ProbedService, ShorterPrompt} from '../../service-features.ts';
import type {Teacher} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import type {Ledger} from '../ledger.ts';
import {type LabelChanges, leastToShow, shownAgreement} from './changes.ts';
import {type AskedTwice, type TrialOptions, tryOtherWay} from './other-way.ts';
import {findInRequests, type RequestFindings} from './requests.ts';

/** A shorter prompt that was tried beside a teacher's own. */
export interface TriedPrompt extends LabelChanges {
  /** The options that give it. */
  readonly prompt: string;
  /** True if the labels show the agreement, with 95 % confidence for all prompts together. */
  readonly isShown: boolean;
  /** What asking about the whole set with it would cost; absent if no such request was answered. */
  readonly requests?: RequestFindings;
}

/** What a teacher's labels lose by shorter prompts. */
export interface PromptFindings {
  /** The least agreement that is to be shown. */
  readonly agreement: number;
  /** The fewest inputs that can show it. */
  readonly leastInputs: number;
  /** Empty if there were too few inputs. */
  readonly tried: readonly TriedPrompt[];
  /** The prompt with the fewest tokens among those that show the agreement; absent if that is the teacher's own. */
  readonly shortest?: string;
}

/** The shorter prompts of a teacher; none if it has no prompt that limbeck makes. */
export function shorterPromptsOf({service}: Pick<Teacher, 'service'>): readonly ShorterPrompt[] {
  return (service as ProbedService | undefined)?.probe?.shorterPrompts ?? [];
}

interface PromptTrialOptions extends TrialOptions {
  /** The least agreement that is to be shown. */
  readonly agreement: number;
}

/** Findings, with the ledgers of what they cost. */
interface PromptTrial {
  readonly prompts?: PromptFindings;
  readonly ledgers: readonly Ledger[];
}

/**
 * Asks with each shorter prompt. All are tried, and the one that is named is chosen by its tokens: so each is tested at its
 * share of the error rate (Bonferroni).
 *
 * @param own - the outcomes with the teacher's own prompt
 */
export async function tryShorterPrompts(
  asking: Asking,
  teacher: Teacher,
  own: AskedTwice,
  {agreement, ...options}: PromptTrialOptions,
): Promise<PromptTrial> {
  const prompts = shorterPromptsOf(teacher);
  if (prompts.length === 0) return {ledgers: []};
  const leastInputs = leastToShow(agreement, prompts.length);
  const ledgers: Ledger[] = [];
  const tried: TriedPrompt[] = [];
  for (const {name, make} of options.queries.length < leastInputs ? [] : prompts) {
    const {ledger, found, requests} = await tryOtherWay(asking, make(), own, options);
    ledgers.push(ledger);
    if (found === undefined) continue;
    const isShown = shownAgreement(found, prompts.length) >= agreement;
    tried.push({...found, prompt: name, isShown, ...(requests && {requests})});
  }
  const {seen, samples, inputs} = options;
  const shortest = shortestOf(tried, findInRequests(seen, {teacher, samples}, inputs));
  return {prompts: {agreement, leastInputs, tried, ...(shortest && {shortest})}, ledgers};
}

/** By tokens; without these, the last of the list. */
function shortestOf(tried: readonly TriedPrompt[], own: RequestFindings | undefined): string | undefined {
  const shown = tried.filter(({isShown}) => isShown);
  let [least, shortest]: readonly [number, string | undefined] = [tokensOf(own), undefined];
  for (const {prompt, requests} of shown) {
    const tokens = tokensOf(requests);
    if (tokens < least || Number.isNaN(tokens)) [least, shortest] = [tokens, prompt];
  }
  return shortest;
}

function tokensOf(requests: RequestFindings | undefined): number {
  const {inputTokens = Number.NaN, outputTokens = 0} = requests?.perQuestion ?? {};
  return inputTokens + outputTokens;
}
