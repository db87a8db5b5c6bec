import {readFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {join} from 'node:path';
import {EngineError} from '../../errors.ts';

/**
 * The Python package index that pip would ask: `PIP_INDEX_URL`, or `index-url` in pip's own files. It may hold a
 * password: never print it.
 *
 * @throws EngineError where none is set
 */
export async function indexUrl(): Promise<string> {
  const {PIP_INDEX_URL, PIP_CONFIG_FILE, VIRTUAL_ENV, XDG_CONFIG_HOME} = process.env;
  if (PIP_INDEX_URL) return PIP_INDEX_URL;
  const home = homedir();
  // The nearest to the user comes first.
  const files = [
    PIP_CONFIG_FILE,
    VIRTUAL_ENV && join(VIRTUAL_ENV, 'pip.conf'),
    join(XDG_CONFIG_HOME || join(home, '.config'), 'pip', 'pip.conf'),
    join(home, 'Library', 'Application Support', 'pip', 'pip.conf'),
    join(home, '.pip', 'pip.conf'),
    '/etc/xdg/pip/pip.conf',
    '/etc/pip.conf',
  ];
  for (const file of files) {
    const url = file && urlIn(await readFile(file, 'utf8').catch(() => ''));
    if (url) return url;
  }
  throw new EngineError(
    'There is no pip here and no Python package index is set. Install pip, or set PIP_INDEX_URL to the address of your ' +
      'index (its simple API), then run this again.',
  );
}

/** `index-url` of the sections that hold for downloads. */
function urlIn(settings: string): string | undefined {
  let section = '';
  for (const line of settings.split('\n')) {
    section = /^\[(.+)\]\s*$/.exec(line)?.[1] ?? section;
    const url = /^index[-_]url\s*[=:]\s*(\S+)/.exec(line)?.[1];
    if (url !== undefined && (section === 'global' || section === 'download')) return url;
  }
  return undefined;
}
