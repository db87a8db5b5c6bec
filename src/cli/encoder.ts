import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {ENCODERS, encoderRoot} from '../encoder/registry.ts';
import {plainTable} from '../study/plain-table.ts';
import {stopSignal} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface EncoderFlags {
  readonly json?: boolean;
}

export async function runAdd(nameOrFolder: string, {json = false}: EncoderFlags): Promise<void> {
  const terminal = openTerminal({json});
  const signal = stopSignal();
  const {addEncoder} = await import('../encoder/add.ts');
  try {
    const added = await addEncoder(nameOrFolder, {
      signal,
      onNote: line => terminal.note(line),
      onProgress: (task, share) => terminal.progress({task, done: Math.floor(100 * share), total: 100}),
    });
    const {name, folder, dimensions, tokens, file, wasThere} = added;
    const text = [
      `${name} ${wasThere ? 'is there and encodes' : 'is added'}: ${dimensions} numbers a text of up to ${tokens} tokens, from ${join(folder, file)}`,
      `Use it: embeddingHead({model: '${name}'})`,
    ];
    terminal.result(added, text.join('\n'));
  } catch (error) {
    if (!signal.aborted) throw error;
    terminal.note('Stopped. A finished download is kept. Run the same command again to continue.');
    process.exitCode = 130;
  }
}

export function runList({json = false}: EncoderFlags): void {
  const encoders = ENCODERS.map(({name, description, licence, project, version, bytes}) => {
    const folder = join(encoderRoot(), name);
    return {name, description, licence, project, version, bytes, folder: existsSync(folder) ? folder : null};
  });
  const rows = encoders.map(({name, description, licence, bytes, folder}) => [
    ...[name, description, licence, `${Math.round(bytes / 1e6)} MB`],
    folder ?? `limbeck encoder add ${name}`,
  ]);
  const table = plainTable(['Name', 'Encoder', 'Licence', 'Download', 'Folder'], rows, 5);
  openTerminal({json}).result({encoders}, table);
}
