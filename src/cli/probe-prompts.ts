import type {RequestFindings} from '../ask/probe/requests.ts';
import type {PromptFindings, TriedPrompt} from '../ask/probe/shorter-prompts.ts';
import {changeTexts, eachText, percentOf} from './probe-changes.ts';

/** @param own - the requests with the teacher's own prompt */
export function promptRows(
  {tried, shortest, agreement, leastInputs}: PromptFindings,
  own: RequestFindings | undefined,
): string[][] {
  const wanted = `${percentOf(agreement)} of labels`;
  if (tried.length === 0) {
    return [['prompt', `no shorter one was tried: it takes ${leastInputs} inputs to show ${wanted}`]];
  }
  const shown = `that shows ${wanted} as with your prompt, with 95 % confidence for all prompts together`;
  const found = shortest === undefined ? `none is shorter ${shown}` : `${shortest}: the shortest ${shown}`;
  return [...tried.flatMap(one => triedRows(one, own)), ['shortest', found]];
}

function triedRows({prompt, requests, ...changes}: TriedPrompt, own: RequestFindings | undefined): string[][] {
  const [kept, more] = changeTexts(changes, {as: 'with your prompt', again: 'asked again', what: 'it'});
  return [
    ['prompt', `${prompt}: ${kept}`],
    ['', more],
    ['', own && requests ? `an input: ${eachText(requests)}; with your prompt: ${eachText(own)}` : ''],
  ];
}
