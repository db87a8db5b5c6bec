import type {ListedService, ModelList} from '../../service-features.ts';
import type {Reply, Teacher} from '../../teacher.ts';
import {leavesOf} from '../compose/parts.ts';
import type {OnNote} from '../notes.ts';
import {isOwnServer, providerOf} from './address.ts';
import {endingOf, endingText} from './ending.ts';

export interface EndingsOptions {
  /** @default nobody is told, and nothing is looked up */
  readonly onNote?: OnNote | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds that a list of models may take.
   *
   * @default 3000
   */
  readonly patience?: number;
}

const PATIENCE = 3000;

/**
 * Tells of the teachers whose provider has announced the end of their model. Each list of models is asked for once for all
 * teachers of an account. That is free of charge, and a list that is slow, refused or not there stops nobody: then nothing is
 * told. A server of one's own is not asked.
 */
export async function noteEndings(
  teachers: readonly Teacher[],
  {onNote, signal, patience = PATIENCE}: EndingsOptions,
): Promise<void> {
  if (onNote === undefined) return;
  const within = AbortSignal.any([AbortSignal.timeout(patience), ...(signal ? [signal] : [])]);
  const replies = new Map<string, Promise<Reply | undefined>>();
  const replyOf = (account: string, list: ModelList) => {
    const key = `${account} ${list.url}`;
    const reply = replies.get(key) ?? list.fetch(within).catch(() => undefined);
    replies.set(key, reply);
    return reply;
  };
  const listed = listedIn(teachers).map(async ({name, account, list}) => {
    const reply = await replyOf(account, list);
    const stated = reply && list.endIn(reply);
    if (stated === undefined) return [];
    return [`${endingText(`The model of ${name}`, endingOf(stated))} Answers that are kept stay.`];
  });
  for (const note of new Set((await Promise.all(listed)).flat())) onNote(note);
}

/**
 * Works, and tells of endings meanwhile, as `noteEndings` does: a slow list holds up no request. All is told before this ends.
 * If the work fails, the look-up is stopped.
 */
export async function whileNotingEndings<T>(
  teachers: readonly Teacher[],
  options: EndingsOptions,
  work: () => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const told = noteEndings(teachers, {...options, signal});
  try {
    const result = await work();
    await told;
    return result;
  } catch (error) {
    stop.abort();
    await told;
    throw error;
  }
}

/** The services that have a list of models, at addresses on the internet. */
function listedIn(teachers: readonly Teacher[]) {
  const leaves = new Set(teachers.flatMap(teacher => leavesOf(teacher, teacher.detail).map(leaf => leaf.teacher)));
  return [...leaves].flatMap(({name, service}) => {
    const {models: list}: ListedService | {readonly models?: undefined} = service ?? {};
    const provider = providerOf({service});
    if (service === undefined || list === undefined || provider === undefined || isOwnServer(provider)) return [];
    return [{name, account: service.account, list}];
  });
}
