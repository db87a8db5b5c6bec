import {cpus} from 'node:os';
import {Command} from 'commander';
import {startEngine} from '../engine/engine.ts';
import {withJson} from './study-options.ts';
import {openTerminal} from './terminal.ts';

/** `limbeck engine`: which numeric engine runs, and why. */
export function engineCommand(): Command {
  return withJson(new Command('engine'))
    .description('say which numeric engine runs, and why')
    .action(async ({json = false}: {readonly json?: boolean}) => {
      const {name, version, reason} = await startEngine();
      const processor = cpus()[0]?.model.trim() ?? 'unknown';
      const facts = {name, version, reason, node: process.versions.node, processor, cores: cpus().length};
      const text = [
        `Engine     ${name} ${version}`,
        `Because    ${reason}`,
        `Node       ${facts.node}`,
        `Processor  ${processor}, ${facts.cores} cores`,
      ].join('\n');
      openTerminal({json}).result(facts, text);
    });
}

/** One line for the start of a command that computes. */
export async function engineLine(): Promise<string> {
  const {name, version, reason} = await startEngine();
  return name === 'native' ? `Engine: native ${version}.` : `Engine: WASM ${version}. ${reason}`;
}
