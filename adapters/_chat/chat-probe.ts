import type {Inspection, ServiceProbe} from '../../src/service-probe.ts';
import type {Access, Receipt, Teacher} from '../../src/teacher.ts';
import {parseJson} from '../_wire/reply.ts';
import type {Completion, Dialect, Settings} from './dialect.ts';

/** The parts that a probe needs to check a reply beyond its answer. */
interface ProbeParts<A extends Access> {
  readonly dialect: Dialect<A>;
  readonly settings: Settings;
  readonly atTemperature?: (temperature: number) => Teacher<A>;
}

/** Returns the probe of a language model's service. */
export function chatProbe<A extends Access>({dialect, settings, atTemperature}: ProbeParts<A>): ServiceProbe<A> {
  const {scores, tokenKey = 'bytes'} = dialect;
  return {
    ...(scores && {scores: {...scores, key: tokenKey}}),
    inspect(reply) {
      try {
        const document = parseJson('', reply);
        const completions = dialect.completions(document);
        if (typeof completions === 'string') return {ignored: []};
        return inspected(completions, dialect.receipt(document), dialect, settings);
      } catch {
        return {ignored: []};
      }
    },
    ...(atTemperature && {atTemperature}),
  };
}

/** The most tokens by which a reply can exceed its limit: the end token can count too. */
const SLACK = 32;

function inspected<A extends Access>(
  completions: readonly Completion[],
  {usage}: Receipt,
  {scores, schema, samples = 1}: Dialect<A>,
  {maxTokens, codes}: Settings,
): Inspection {
  const steps = completions[0]?.steps;
  const isFree = (schema?.(codes) && completions.some(completion => !isHeld(completion, codes))) ?? false;
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

/** True if an answer is one that the schema allows. A truncated or refused answer counts as allowed. */
function isHeld({text, finish}: Completion, codes: readonly string[]): boolean {
  if (finish !== 'stop') return true;
  try {
    const {label} = JSON.parse(text) as {readonly label?: unknown};
    return codes.some(code => code === label);
  } catch {
    return false;
  }
}
