import {cpus} from 'node:os';
import {startEngine} from '../engine/engine.ts';
import {stopSignal} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface EngineFlags {
  readonly json?: boolean;
}

export async function runShow({json = false}: EngineFlags): Promise<void> {
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
}

export async function runInstall({json = false}: EngineFlags): Promise<void> {
  const terminal = openTerminal({json});
  const signal = stopSignal();
  const {installEngine} = await import('../engine/install/install.ts');
  try {
    const engine = await installEngine({
      signal,
      onNote: line => terminal.note(line),
      onProgress: (task, share, detail) => terminal.progress({task, done: Math.floor(100 * share), total: 100, detail}),
    });
    const where = engine.folder === null ? '' : `, in ${engine.folder}`;
    const text = `The native engine ${engine.wasThere ? 'is there already' : 'is installed'}: TensorFlow ${engine.version}${where}`;
    terminal.result(engine, text);
  } catch (error) {
    if (!signal.aborted) throw error;
    terminal.note('Stopped. A finished download is kept. Run the same command again to continue.');
    process.exitCode = 130;
  }
}

export async function runRemove({json = false}: EngineFlags): Promise<void> {
  const {removeEngine} = await import('../engine/install/install.ts');
  const folder = await removeEngine();
  openTerminal({json}).result({folder}, `There is no native engine in ${folder} now`);
}

/** A line for the start of a command that computes. */
export async function engineLine(): Promise<string> {
  const {name, version, reason} = await startEngine();
  return name === 'native' ? `Engine: native ${version}.` : `Engine: WASM ${version}. ${reason}`;
}
