import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {pages, read, root} from './pages.ts';

/** A row of the glossary's last table. */
interface Retired {
  readonly word: string;
  readonly pattern: RegExp;
  /** Texts that may hold it: names that are stored or typed, and files. */
  readonly exceptions: readonly string[];
}

const GLOSSARY = 'docs/glossary.md';
const [terms, retiredTable] = read(GLOSSARY).split('## Retired words') as [string, string];

function retiredWords(): Retired[] {
  const rows = Array.from(retiredTable.matchAll(/^\| ([a-z][^|]*)\| ([^|]*)\|([^|]*)\|$/gm)).slice(1);
  return rows.map(([, word, , exceptions]) => ({
    word: word!.trim(),
    pattern: anySpelling(word!.trim()),
    exceptions: Array.from(exceptions!.matchAll(/`([^`]+)`/g), ([, text]) => text!),
  }));
}

/** `set aside`, `set-aside`, `set_aside`, `setAside`, `SetAside`, `SET_ASIDE`; not as a part of a longer word. */
function anySpelling(word: string): RegExp {
  const parts = word.split(' ');
  const spaced = parts.map(part => `[${part[0]}${part[0]!.toUpperCase()}]${part.slice(1)}`).join('[-_ ]');
  const [first, ...others] = parts;
  const capital = (part: string): string => part[0]!.toUpperCase() + part.slice(1);
  const camel = [`[${first![0]}${first![0]!.toUpperCase()}]${first!.slice(1)}`, ...others.map(capital)].join('');
  const joined = parts.map(capital).join('');
  const loud = parts.join('_').toUpperCase();
  return new RegExp(`(?<![A-Za-z])(?:${spaced}|${camel}|${loud})(?![a-z])|(?<=[a-z])${joined}(?![a-z])`);
}

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), {recursive: true, encoding: 'utf8'})
    .filter(name => name.endsWith('.ts') && !name.includes('.vitepress'))
    .map(name => join(folder, name));

/** The lines that a person reads, each after its path, which is read as well. */
function linesOf(path: string): string[] {
  const text = path === GLOSSARY ? terms : read(path);
  return [path, ...text.split('\n').map((line, index) => `${path}:${index + 1}: ${line.trim()}`)];
}

const files = [...pages(), ...['src', 'adapters', 'examples', 'docs'].flatMap(sources)];

describe('the words of the house', () => {
  const retired = retiredWords();

  it('are each in the glossary once', () => {
    const listed = Array.from(terms.matchAll(/^\| (?:<a [^>]*><\/a>)?\*\*([^*]+)\*\*/gm), ([, term]) => term!);
    expect(listed.length).toBeGreaterThan(30);
    expect(listed.filter((term, index) => listed.indexOf(term) !== index)).toEqual([]);
    expect(listed.filter(term => retired.some(({word}) => word === term))).toEqual([]);
  });

  it('have left those that are retired', () => {
    expect(retired).not.toEqual([]);
    const lines = files.flatMap(linesOf);
    const found = retired.flatMap(({word, pattern, exceptions}) =>
      lines
        .filter(line => pattern.test(exceptions.reduce((text, exception) => text.replaceAll(exception, ''), line)))
        .map(line => `${word}: ${line.slice(0, 120)}`),
    );
    expect(found).toEqual([]);
  });

  it.each([
    ['set aside', ['was set aside', 'setAside', 'SetAsideLine', 'set-aside.ts', 'SET_ASIDE', 'retrySetAside']],
    ['turns', ['class Turns', 'the turns of', 'queueTurns']],
    ['room ahead', ['RoomAhead', 'roomAhead', 'room-ahead.ts']],
  ])('are found in every spelling: %s', (word, texts) => {
    for (const text of texts) expect(text).toMatch(anySpelling(word));
    for (const text of ['offset asides', 'Returns', 'mushroom aheads']) expect(text).not.toMatch(anySpelling(word));
  });
});
