import {readdirSync, readFileSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';

export const root: string = resolve(import.meta.dirname, '..');

export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Paths, from the root of the project, of all pages that a reader may open. */
export function pages(): string[] {
  const docs = readdirSync(join(root, 'docs'), {recursive: true, encoding: 'utf8'});
  const examples = readdirSync(join(root, 'examples'), {recursive: true, encoding: 'utf8'});
  return [
    ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
    ...docs.filter(isPage).map(name => join('docs', name)),
    ...examples.filter(isPage).map(name => join('examples', name)),
  ];
}

/** Pages of the site, without what is generated. */
export const sitePages = (): string[] => pages().filter(page => page.startsWith('docs/'));

const isPage = (name: string): boolean => name.endsWith('.md') && !/(^|\/)(\.vitepress|node_modules)\//.test(name);

/** A page without its blocks of code. */
export const prose = (page: string): string => read(page).replaceAll(/^```.*?^```$/gms, '');

export interface Link {
  readonly page: string;
  readonly target: string;
  /** From the root of the project. */
  readonly path: string;
  readonly anchor: string | undefined;
}

/** Links of a page that lead to a file or a heading of this project. */
export function linksOf(page: string): Link[] {
  const targets = prose(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g);
  return Array.from(targets, ([, target]) => {
    const [path, anchor] = target!.split('#');
    return {page, target: target!, path: path ? join(dirname(page), path) : page, anchor};
  });
}

/** The anchors of a page's headings, as GitHub and VitePress alike make them, and those that are written. */
export function anchorsOf(page: string): Set<string> {
  const headings = Array.from(prose(page).matchAll(/^#+ (.+)$/gm), ([, text]) => slug(text!));
  const written = Array.from(prose(page).matchAll(/<a id="([^"]+)"/g), ([, id]) => id!);
  return new Set([...headings, ...written]);
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-');
}
