import {labelCodes, type PromptOptions, type PromptWay} from './prompt.ts';

/** A shorter form of a prompt. */
interface ShorterPrompt {
  /** What it leaves out or replaces, for people. */
  readonly name: string;
  /** The options that give it. */
  readonly options: Pick<PromptOptions, 'descriptions' | 'codes'>;
}

/** Half of the codes that there are, because no code can be the name of another class. */
const MOST = 450;

const BARE: ShorterPrompt = {name: 'no `descriptions`', options: {descriptions: {}}};
const CODED: ShorterPrompt = {name: "`codes: 'short'`", options: {codes: 'short'}};
const BOTH: ShorterPrompt = {name: `${BARE.name}, ${CODED.name}`, options: {...BARE.options, ...CODED.options}};

/** The shorter forms of a prompt, the shortest last. A prompt of the user's own stays as it is. */
export function shorterPrompts(
  {classes, descriptions = {}, codes, prompt}: PromptOptions,
  way: PromptWay,
): readonly ShorterPrompt[] {
  if (prompt !== undefined) return [];
  const isDescribed = Object.keys(descriptions).length > 0;
  const isNamed = codes === 'names' || (codes === undefined && way !== 'letters');
  const isCodable = isNamed && classes.length <= MOST && labelCodes(classes) !== classes;
  return [...(isCodable ? [CODED] : []), ...(isDescribed ? [BARE] : []), ...(isCodable && isDescribed ? [BOTH] : [])];
}
