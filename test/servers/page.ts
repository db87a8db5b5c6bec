/** The servers and teachers of the page on servers of one's own, as a reader copies them. */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import type {Teacher} from '../../src/teacher.ts';
import {read, root} from '../pages.ts';

const PAGE = 'docs/guide/distil-your-own-server.md';

/** Within the project, so that its packages are found. */
export const scratch: string = join(root, 'test', '.docs-servers');

interface Block {
  readonly language: string;
  readonly code: string;
}

/** The blocks of code below a heading, up to the next heading. */
function blocksOf(heading: string): readonly Block[] {
  const [, section] = read(PAGE).split(new RegExp(`^#+ ${heading}$`, 'm'));
  if (section === undefined) throw new Error(`${PAGE} has no section "${heading}".`);
  const [body] = section.split(/^#+ (?=[A-Z])/m);
  return Array.from(body!.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, language, code]) => ({
    language: language!,
    code: code!,
  }));
}

export interface Section {
  /** Holds the section's programs. */
  readonly folder: string;
  /** The lines that a reader types, as words. */
  readonly commands: readonly (readonly [program: string, ...args: string[]])[];
  teacher(): Promise<Teacher>;
}

/**
 * Writes the programs and the teacher of a section into a folder of its own.
 *
 * @param port - replaces the port that the section shows
 */
export function writeSection(heading: string, port?: number): Section {
  const folder = join(scratch, `${process.pid}-${heading.replaceAll(' ', '-')}`);
  mkdirSync(folder, {recursive: true});
  const blocks = blocksOf(heading);
  const shown = portOf(blocks);
  const here = (code: string): string => (shown === undefined ? code : code.replaceAll(shown, String(port)));
  for (const {language, code} of blocks) {
    const [, name] = /^# ([\w-]+\.\w+)$/m.exec(code) ?? [];
    if (name !== undefined && language !== 'sh') writeFileSync(join(folder, name), here(code));
  }
  const lines = blocks.filter(({language}) => language === 'sh').flatMap(({code}) => here(code).trim().split('\n'));
  const teacher = join(folder, 'teacher.ts');
  writeFileSync(teacher, here(blocks.find(({language}) => language === 'ts')!.code));
  return {
    folder,
    commands: lines.map(line => line.split(' ') as [string, ...string[]]),
    teacher: async () => (await import(pathToFileURL(teacher).href)).teacher,
  };
}

/** The port of the section's server. */
function portOf(blocks: readonly Block[]): string | undefined {
  const {code} = blocks.find(({language}) => language === 'ts')!;
  return /127\.0\.0\.1:(\d+)/.exec(code)?.[1];
}
