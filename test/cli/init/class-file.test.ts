import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {readClassFile} from '../../../src/cli/init/class-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'limbeck-classes-'));
afterAll(() => rmSync(folder, {recursive: true}));

function read(name: string, content: string) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return readClassFile(path);
}

const described = [
  {name: 'refund', description: 'wants money back, now'},
  {name: 'bug', description: undefined},
];

describe('a file of classes', () => {
  it.each([
    ['lines.txt', 'refund: wants money back, now\r\n\r\nbug\r\n'],
    ['table.csv', '\uFEFFName,id,Description\nrefund,1,"wants money back, now"\nbug,2,\n'],
    ['bare.csv', 'refund,"wants money back, now"\nbug\n'],
    ['semicolons.csv', 'class;description\nrefund;wants money back, now\nbug;\n'],
    ['list.json', '[{"name": "refund", "description": "wants money back, now"}, "bug"]'],
    ['object.json', '{"refund": "wants money back, now", "bug": null}'],
  ])('can be %s', async (name, content) => {
    expect(await read(name, content)).toEqual(described);
  });

  it.each([
    ['twice.txt', 'bug\nbug\n', 'names the class `bug` twice'],
    ['one.txt', 'bug\n', 'names 1 classes'],
    ['none.json', '[{"title": "bug"}]', 'entry 1 has no name'],
    ['broken.json', '{"bug"', 'is not JSON'],
    ['wide.csv', 'a,b,c\n1,2,3\n', 'no column `name`, only a, b, c'],
  ])('is refused with its fault: %s', async (name, content, fault) => {
    await expect(read(name, content)).rejects.toThrow(fault);
  });

  it('must be there', async () => {
    await expect(readClassFile(join(folder, 'nothing'))).rejects.toThrow("Can't read");
  });
});
