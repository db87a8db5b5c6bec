import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {beforeAll, describe, expect, it} from 'vitest';
import {checkBuilt, cli} from '../built.ts';
import {pages, prose, read} from '../pages.ts';

interface Shown {
  readonly page: string;
  readonly line: string;
  /** `cache list`, `label`, … */
  readonly command: string;
  readonly flags: readonly string[];
}

/** Commands in blocks of code and in code within sentences, a continued line being one. */
function shownIn(page: string): Shown[] {
  const text = read(page).replaceAll('\\\n', ' ');
  const blocks = Array.from(text.matchAll(/^```(\w*)\n(.*?)^```$/gms)).flatMap(([, language, code]) =>
    language === '' ? code!.split('\n') : [],
  );
  const inline = Array.from(prose(page).matchAll(/`([^`\n]+)`/g), ([, code]) => code!);
  return [...blocks, ...inline].flatMap(line => {
    const [, command, rest] = /^(?:npx )?limbeck ((?:cache )?[a-z]+)(?= |$)(.*?)(?:\s{2,}.*|# .*)?$/.exec(line) ?? [];
    if (command === undefined || command === 'cache') return [];
    return [{page, line, command, flags: rest!.match(/(?<= )--[a-z][\w-]*/g) ?? []}];
  });
}

async function helpOf(command: string): Promise<string> {
  const {stdout} = await promisify(execFile)(process.execPath, [cli, ...command.split(' '), '--help']);
  return stdout;
}

describe('the commands that pages show', () => {
  const shown = pages()
    .filter(page => page !== 'CHANGELOG.md')
    .flatMap(shownIn);
  const help = new Map<string, string>();

  beforeAll(async () => {
    checkBuilt();
    for (const command of new Set(shown.map(({command}) => command))) help.set(command, await helpOf(command));
  });

  it('are there', () => {
    expect(shown.length).toBeGreaterThan(60);
    const lost = shown.filter(({command}) => !help.get(command)!.startsWith(`Usage: limbeck ${command}`));
    expect(lost.map(({page, line}) => `${page}: ${line}`)).toEqual([]);
  });

  it('take the flags that are shown', () => {
    const unknown = shown.flatMap(({page, line, command, flags}) =>
      flags.filter(flag => !help.get(command)!.includes(flag)).map(flag => `${page}: ${flag} in ${line}`),
    );
    expect(unknown).toEqual([]);
  });
});
