import {leastToShow} from '../ask/probe/changes.ts';
import {openPackingOf, packingOf} from '../ask/probe/packing-verdicts.ts';
import {shorterPromptsOf} from '../ask/probe/shorter-prompts.ts';
import type {ShorterPrompt} from '../service-features.ts';
import type {Teacher} from '../teacher.ts';
import {counted, list} from './report/format.ts';
import type {Study} from './study.ts';

/** What a probe asks. */
interface ProbeCost {
  /** The teachers that are asked, which are not composed of others. */
  readonly parts: readonly Teacher[];
  readonly queries: number;
  readonly promptAgreement: number | undefined;
}

/** How often, beside twice, a probe asks about each input, over all parts; of packs whose size is open at most. */
export function furtherAskings({parts, ...cost}: ProbeCost): number {
  return parts.reduce((sum, part) => sum + requestSizes(part, cost).length, 0);
}

/** Tells the cost of a probe beforehand, if it asks a service. */
export function noteCost({onNote}: Study, {name}: Teacher, {parts, ...cost}: ProbeCost): void {
  const services = parts.filter(({service}) => service !== undefined);
  if (services.length === 0) return;
  const {queries} = cost;
  const callsOf = (teacher: Teacher) => {
    const batches = Math.ceil(queries / teacher.maxBatch);
    const further = requestSizes(teacher, cost).reduce((sum, size) => sum + Math.ceil(queries / size), 0);
    return 2 + 2 * batches + (teacher.questions ? batches : 0) + further;
  };
  const calls = services.reduce((sum, service) => sum + callsOf(service), 0);
  const often = services.some(packingOf) ? 'twice in packs and twice alone' : 'twice';
  const sizes = [...new Set(services.flatMap(service => sizesTried(service, queries)))];
  const prompts = Math.max(...services.map(service => promptsTried(service, cost).length));
  onNote(
    `${name} is asked about ${queries} inputs, each ${often}${inPacksText(sizes)}${byPromptsText(prompts)}, in about ` +
      `${calls} requests. The first answers are kept for later. \`--budget\` sets the most that this may take; ` +
      '`--offline` looks at what is kept alone.',
  );
  if (cost.promptAgreement !== undefined && services.every(service => shorterPromptsOf(service).length === 0)) {
    onNote(`${name} has no shorter prompt: it has no \`descriptions\`, and no names that \`codes\` could replace.`);
  }
}

/** The inputs of a request, for each further time that a teacher is asked about all inputs. */
function requestSizes(teacher: Teacher, cost: Omit<ProbeCost, 'parts'>): readonly number[] {
  const ofPacks = packingOf(teacher) ? [1, 1] : sizesTried(teacher, cost.queries);
  return [...ofPacks, ...promptsTried(teacher, cost).map(() => teacher.maxBatch)];
}

function sizesTried(teacher: Teacher, queries: number): readonly number[] {
  const {choices = [], agreement = 1} = openPackingOf(teacher) ?? {};
  return queries < leastToShow(agreement) ? [] : choices;
}

function promptsTried(
  teacher: Teacher,
  {queries, promptAgreement}: Omit<ProbeCost, 'parts'>,
): readonly ShorterPrompt[] {
  const prompts = promptAgreement === undefined ? [] : shorterPromptsOf(teacher);
  return queries < leastToShow(promptAgreement ?? 1, prompts.length) ? [] : prompts;
}

function inPacksText(sizes: readonly number[]): string {
  return sizes.length === 0 ? '' : ` alone, and in packs of ${list(sizes.map(String))} until a size fails`;
}

function byPromptsText(prompts: number): string {
  return prompts === 0 ? '' : `, and with ${counted(prompts, 'shorter prompt')}`;
}
