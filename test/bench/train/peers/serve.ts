import {createInterface} from 'node:readline';
import {type BenchModel, MODELS, type ModelName} from '../models.ts';

/** A peer's answer to `run`: one epoch, with the time that its user would wait. */
export interface Run {
  readonly msPerStep: number;
  /** Mean objective over the steps. */
  readonly loss: number;
}

/** The model that the command line of a peer names. */
export function modelOfPeer(): BenchModel {
  return MODELS[process.argv[2] as ModelName];
}

/** Reports on stdout that the peer is ready, then answers each line of stdin with a line of JSON. */
export async function serve(
  versions: Readonly<Record<string, string>>,
  answers: Readonly<Record<string, () => Promise<object>>>,
): Promise<void> {
  const say = (answer: object) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  say({versions});
  for await (const line of createInterface({input: process.stdin})) say(await answers[line]!());
}
