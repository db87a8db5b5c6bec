import {readLanguages} from '../../../examples/languages/lines.ts';
import {readMails} from '../../../examples/spam/mails.ts';
import {shuffledIndices} from '../../../src/data/random.ts';
import {fitGate, gateBytes, gatekeeper} from '../../../src/student/gate.ts';

/** The cost of a gate on its own task, and its refusals on another one. */
export interface GateFigures {
  readonly task: string;
  readonly other: string;
  /** Share of unseen texts of its own task that it refuses. */
  readonly refusedOwn: number;
  /** Share of the texts of the other task that it refuses. */
  readonly refusedOther: number;
  readonly millisecondsEach: number;
  readonly bytes: number;
}

const TAUGHT = 1000;
const NAMES = 'en de fr es it nl pt sv da fi pl cs ru uk bg el tr hu ro ar he fa hi zh ja ko vi id sw et'.split(' ');

export function measureGate(): readonly GateFigures[] {
  const mails = readMails().map(({text}) => text);
  const lines = readLanguages(NAMES).flatMap(({lines}) => lines);
  return [figures('mails', mails, 'languages', lines), figures('languages', lines, 'mails', mails)];
}

function figures(task: string, texts: readonly string[], other: string, others: readonly string[]): GateFigures {
  const own = Array.from(shuffledIndices(texts.length, 1), index => texts[index]!);
  const gate = fitGate(own.slice(0, TAUGHT), 1)!;
  const refuses = gatekeeper(gate);
  const unseen = own.slice(TAUGHT);
  const share = (of: readonly string[]) => of.filter(refuses).length / of.length;
  const start = performance.now();
  const refusedOwn = share(unseen);
  const millisecondsEach = (performance.now() - start) / unseen.length;
  return {...{task, other, refusedOwn, refusedOther: share(others), millisecondsEach}, bytes: gateBytes(gate).length};
}

export function gateText(figures: readonly GateFigures[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  return figures
    .map(
      ({task, other, refusedOwn, refusedOther, millisecondsEach, bytes}) =>
        `${task}: refuses ${percent(refusedOwn)} of its own unseen texts and ${percent(refusedOther)} of ${other}; ` +
        `${millisecondsEach.toFixed(2)} ms a text, ${(bytes / 1e6).toFixed(1)} MB`,
    )
    .join('\n');
}
