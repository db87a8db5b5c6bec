import {describe, expect, it} from 'vitest';
import {parseJsonPart} from '../../../src/cli/init/json-part.ts';

const entries = (text: string) => parseJsonPart(text, 'a.json').entries();

describe('a part of JSON', () => {
  it('keeps fields in their order, whatever they are called', () => {
    const names = ['b', '10', '2', '__proto__', 'a:b', 'say "x": ', '\\', 'é'];
    const text = `{${names.map((name, index) => `${JSON.stringify(name)} :${index}`).join()}}`;
    expect(entries(text).map(([name, {value}]) => [name, value])).toEqual(names.map((name, index) => [name, index]));
  });

  it('keeps texts that look like fields', () => {
    const text = '{"a": "\\"b\\": 1, {\\"c\\":", "d": ["e", "f\\\\"]}';
    expect(entries(text).map(([, {value}]) => value)).toEqual(['"b": 1, {"c":', ['e', 'f\\']]);
  });

  it('names the file and the path of a problem', () => {
    const part = parseJsonPart('{"a": [{"b c": 1}]}', 'a.json').field('a')!.items()[0]!.field('b c')!;
    expect(() => part.text()).toThrow('a.json, a[0].b c: Expected a text.');
  });

  it('takes null for nothing', () => {
    expect(parseJsonPart('{"a": null}', 'a.json').field('a')).toBeUndefined();
  });

  it('refuses two fields of one name', () => {
    expect(() => entries('{"x": {"a": 1, "\\u0061": 2}}')).toThrow('a.json has two fields `a` in one object.');
  });
});
