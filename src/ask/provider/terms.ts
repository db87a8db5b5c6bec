import {InputError} from '../../errors.ts';
import type {Json, Teacher} from '../../teacher.ts';
import {leavesOf} from '../compose/parts.ts';
import {isOwnServer, providerOf} from './address.ts';
import {PROVIDER_TERMS, type ProviderTerms} from './provider-terms.ts';

/** The terms of who serves at an address; undefined of a server of one's own, and of a provider that nobody looked up. */
export function termsAt(address: URL): ProviderTerms | undefined {
  return PROVIDER_TERMS.find(({hosts}) => hosts.test(address.hostname));
}

/** The addresses on the internet that teachers, or their parts, are asked at. */
function addressesOf(teachers: readonly Teacher[]): readonly URL[] {
  const leaves = teachers.flatMap(teacher => leavesOf(teacher, teacher.detail).map(leaf => leaf.teacher));
  const byHost = new Map(leaves.flatMap(leaf => providerOf(leaf) ?? []).map(address => [address.host, address]));
  return [...byHost.values()].filter(address => !isOwnServer(address));
}

const NO_ADVICE = 'This is information, not legal advice.';

/** Says, for people, what each provider's terms say about training on its answers. */
export function termsNotes(teachers: readonly Teacher[]): readonly string[] {
  return [...new Set(addressesOf(teachers).map(termsNoteAt))];
}

/** The same of one address; undefined of a server of one's own. */
export function termsNote(address: URL): string | undefined {
  return isOwnServer(address) ? undefined : termsNoteAt(address);
}

function termsNoteAt(address: URL): string {
  const terms = termsAt(address);
  if (terms) return `${termsText(terms)} ${NO_ADVICE}`;
  return `limbeck knows no terms of ${address.host}: read whether they allow to train models on its answers. ${NO_ADVICE}`;
}

const VERDICTS = {
  allowed: 'allow to train models on its answers',
  conditional: 'restrict the training of models on its answers',
  forbidden: 'forbid to train models on its answers',
  unknown: 'about training on its answers were not confirmed',
} as const;

/** Says what terms say, in two sentences with the clause, the day and the link. */
export function termsText({provider, training, clause, says, readAt, url}: ProviderTerms): string {
  const where = clause === undefined ? '' : ` (${clause})`;
  return `The terms of ${provider} ${VERDICTS[training]}${where}: ${says}. Looked up on ${readAt}: ${url}.`;
}

/**
 * Refuses to buy answers to train on where terms forbid that.
 *
 * @param hasPermission - true if the user says that the provider permits it nevertheless
 * @throws InputError that names the clause, the link and the flag
 */
export function checkPermission(teachers: readonly Teacher[], hasPermission: boolean): void {
  if (hasPermission) return;
  refuse(addressesOf(teachers).flatMap(address => termsAt(address) ?? []));
}

/**
 * Refuses to train on answers that were bought for something else, such as a cascade.
 *
 * @param identity - of their teacher
 * @throws InputError as `checkPermission` does
 */
export function checkKnowledgePermission(identity: Json, hasPermission: boolean): void {
  if (!hasPermission) refuse(termsIn(identity));
}

function refuse(all: readonly ProviderTerms[]): void {
  const terms = all.find(({training}) => training === 'forbidden');
  if (terms === undefined) return;
  throw new InputError(
    `${termsText(terms)} Nothing was asked. If ${terms.provider} permits it to you, add \`--i-have-permission\`, or ` +
      `\`hasPermission: true\` to the recipe. ${NO_ADVICE}`,
  );
}

/** The terms of the services in a teacher's identity, without those whose address was replaced by a name. */
export function termsIn(identity: Json): readonly ProviderTerms[] {
  const found = servicesIn(identity).flatMap(service => {
    const [address = ''] = service.split(' ');
    return URL.canParse(address) ? (termsAt(new URL(address)) ?? []) : [];
  });
  return [...new Set(found)];
}

function servicesIn(value: Json): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    name === 'service' && typeof part === 'string' ? [part] : servicesIn(part),
  );
}

/** The terms of a provider by its name in the list. */
export function termsOfProvider(provider: string): ProviderTerms | undefined {
  return PROVIDER_TERMS.find(terms => terms.provider === provider);
}
