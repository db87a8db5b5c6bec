/** Why a service refuses a request, by what it says. */

/**
 * - `key`: the key is missing, wrong or expired;
 * - `rights`: the key may not use this;
 * - `model`: there is no such model;
 * - `path`: there is no such route;
 * - `page`: a page came, from something in front of the service;
 * - `too-long`: a text is longer than the model takes;
 * - `content`: a filter stopped a text;
 * - `spent`: the account has no money left.
 */
export type Cause = 'key' | 'rights' | 'model' | 'path' | 'page' | 'too-long' | 'content' | 'spent';

/** What is known of a refusal. */
export interface Saying {
  readonly status: number;
  /** Short words of its body that name the error, such as `context_length_exceeded`. */
  readonly codes: readonly string[];
  /** The service's sentence; see `ownWords`. */
  readonly words: string | undefined;
  /** True if its body is an HTML page. */
  readonly isPage: boolean;
}

/** The signs of a cause: codes, and words under statuses at which they can be trusted. */
interface Signs {
  readonly codes: RegExp;
  readonly words: RegExp;
  readonly statuses: (status: number) => boolean;
}

const isClient = (status: number) => status >= 400 && status < 500 && ![408, 409, 425, 429].includes(status);

/** The first that fits counts. */
const SIGNS: Readonly<Record<Exclude<Cause, 'page'>, Signs>> = {
  spent: {
    codes:
      /^(insufficient_(quota|balance|credits?|funds)|billing_(hard_limit_reached|not_active|error)|enforced_spend_limit_reached|budget_exceeded)$/i,
    words:
      /insufficient.{0,20}(quota|balance|credit|funds)|(credit|account) balance|out of credits|exceeded your (current|monthly).{0,20}(quota|credits)|payment required|budget has been exceeded/i,
    statuses: isClient,
  },
  content: {
    codes: /content_(filter|policy)|^(ResponsibleAIPolicyViolation|safety)$/i,
    words: /content (filter|management|policy|policies)|safety (system|filter|setting|polic)|moderation|flagged/i,
    statuses: isClient,
  },
  'too-long': {
    codes: /context_(length|size|window)|string_above_max/i,
    words:
      /context.?(length|size|window)|maximum (input|sequence|context)|too (long|many (input )?tokens)|input tokens|longer than|max_tokens must be|(less|fewer) than \d+ tokens|exceeds?.{0,40}(tokens|length)|sequence length/i,
    statuses: isClient,
  },
  model: {
    codes:
      /^(model_not_found|ModelNotFoundException|DeploymentNotFound|invalid_model|model_not_available|unknown_model)$/i,
    words:
      /(no such|unknown|invalid|unsupported|could ?n.t find|cannot find|no).{0,12}\b(models?|deployments?|servables?|endpoints?)\b|\b(models?|deployments?|servables?|endpoints?)\b.{0,80}(not (found|exist|supported|available|loaded|served|registered)|n.t exist|does not exist|identifier is invalid|decommissioned|deprecated|retired)|pinned to .{0,80}requested/i,
    statuses: isClient,
  },
  rights: {
    codes: /^(permission_(error|denied)|insufficient_permissions|key_model_access_denied)$/i,
    words:
      /not (allowed|authori[sz]ed|permitted) to|n.t have (access|permission)|(do|does) not have (access|permission)|permission.{0,60}denied|access denied/i,
    statuses: status => isClient(status) && status !== 401,
  },
  key: {
    codes: /^(invalid_api_key|authentication_error|invalid_authentication|UNAUTHENTICATED|API_KEY_INVALID)$/i,
    words:
      /(api|access|subscription|virtual|proxy|secret)[ _-]?key|authenticat|unauthori[sz]ed|authorization header|(api|access|auth|bearer|security|server) token|credentials/i,
    statuses: isClient,
  },
  path: {
    codes: /^(unknown_url|RouteNotFound|MethodNotAllowed)$/i,
    words:
      /^(404 )?((file|page|resource) )?not found\b|^method not allowed|invalid url|unknown (url|request url|path)|no route|path .{0,200} not found/i,
    statuses: status => [400, 404, 405].includes(status),
  },
};

/** Returns the cause by the service's own codes and words; undefined if only the status tells. */
export function causeOf({status, codes, words = '', isPage}: Saying): Cause | undefined {
  const causes = Object.entries(SIGNS) as readonly [Exclude<Cause, 'page'>, Signs][];
  const byCode = causes.find(([, signs]) => codes.some(code => signs.codes.test(code)));
  const known = byCode ?? causes.find(([, signs]) => signs.statuses(status) && signs.words.test(words));
  if (known) return known[0];
  if (!isPage || !isClient(status) || status === 401) return undefined;
  return status === 404 || status === 405 ? 'path' : 'page';
}
