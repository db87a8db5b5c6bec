import type {Inspection, ServiceProbe} from '../../src/service-features.ts';
import type {Access, Receipt, Teacher} from '../../src/teacher.ts';
import {parseJson} from '../_wire/reply.ts';
import type {Completion, Dialect, Settings, Step} from './dialect.ts';

/** The parts that a probe needs to check a reply beyond its answer. */
interface ProbeParts<A extends Access> extends OtherWays<A> {
  readonly dialect: Dialect<A>;
  readonly settings: Settings;
  /** True if an answer that ended by itself is one that the schema allows. */
  readonly isHeld: (completion: Completion) => boolean;
  /**
   * The tokens that an answer is read from.
   *
   * @default all
   */
  readonly stepsOf?: ((completion: Completion) => readonly Step[] | undefined) | undefined;
  readonly atTemperature?: (temperature: number) => Teacher<A>;
}

/** Other ways to ask the same. */
export type OtherWays<A extends Access> = Pick<ServiceProbe<A>, 'packing' | 'shorterPrompts'>;

/** Returns the probe of a language model's service. */
export function chatProbe<A extends Access>(parts: ProbeParts<A>): ServiceProbe<A> {
  const {dialect, atTemperature, packing, shorterPrompts} = parts;
  const {scores, tokenKey = 'bytes'} = dialect;
  return {
    ...(scores && {scores: {...scores, key: tokenKey}}),
    inspect(reply) {
      try {
        const document = parseJson('', reply);
        const completions = dialect.completions(document);
        return typeof completions === 'string'
          ? {ignored: []}
          : inspected(completions, dialect.receipt(document), parts);
      } catch {
        return {ignored: []};
      }
    },
    ...(atTemperature && {atTemperature}),
    ...(packing && {packing}),
    ...(shorterPrompts && {shorterPrompts}),
  };
}

/** The most tokens by which a reply can exceed its limit: the end token can count too. */
const SLACK = 32;

function inspected<A extends Access>(
  completions: readonly Completion[],
  {usage}: Receipt,
  {dialect, settings, isHeld, stepsOf = ({steps}) => steps}: ProbeParts<A>,
): Inspection {
  const {scores, samples = 1} = dialect;
  const {schema, maxTokens} = settings;
  const steps = completions[0] && stepsOf(completions[0]);
  // A truncated or refused answer counts as allowed.
  const isFree = schema !== undefined && completions.some(one => one.finish === 'stop' && !isHeld(one));
  const ignored = {
    topLogprobs: scores !== undefined && !steps?.some(({alternatives}) => alternatives.length > 0),
    structured: isFree,
    samples: completions.length < samples,
    maxTokens: (usage?.outputTokens ?? 0) > Math.max(SLACK, 2 * maxTokens) * samples,
  };
  return {
    ignored: Object.entries(ignored).flatMap(([option, isIgnored]) => (isIgnored ? [option] : [])),
    ...(scores && steps && {steps}),
  };
}

/** True if a text is the object of one of these labels. */
export function holdsLabel(text: string, codes: readonly string[]): boolean {
  try {
    const {label} = JSON.parse(text) as {readonly label?: unknown};
    return codes.some(code => code === label);
  } catch {
    return false;
  }
}
