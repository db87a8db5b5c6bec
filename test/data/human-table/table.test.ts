import fc from 'fast-check';
import Papa from 'papaparse';
import {describe, expect, it} from 'vitest';
import {
  guarded,
  idOf,
  newTable,
  readTable,
  type Table,
  unguarded,
  withQueries,
} from '../../../src/data/human-table/table.ts';
import type {Input} from '../../../src/teacher.ts';

const columns = ['label'];
const read = (content: string): Table => readTable('t.csv', content, columns);
const query = (text: string) => ({id: idOf({kind: 'text', text}), text});
const textsIn = ({rows}: Table): string[] => [...rows.values()].flatMap(some => some.map(({text}) => text));
const cellsIn = ({rows}: Table): string[][] => [...rows.values()].flatMap(some => some.map(({cells}) => [...cells]));

/** Texts of the characters that have a meaning in CSV or in spreadsheets. */
const hostile = fc.string({
  unit: fc.constantFrom(...'=+-@\'",;|\t\r\n \uFEFF'.split(''), 'a', '1', '😀', '＝'),
  maxLength: 12,
});

describe('the table of queries', () => {
  it('starts with what spreadsheets want: a byte order mark, named columns, CRLF', () => {
    const table = withQueries(read(newTable(['label'], ',')), [query('one, "two"\nthree')]);
    expect(table).toBe(`\uFEFFlabel,text,id\r\n,"one, ""two""\nthree",${query('one, "two"\nthree').id}\r\n`);
    expect(newTable(['label', 'confidence'], ';')).toBe('\uFEFFlabel;confidence;text;id\r\n');
  });

  it('gives back every text and id exactly, with every delimiter', () => {
    const texts = fc.uniqueArray(hostile, {minLength: 1, maxLength: 6});
    fc.assert(
      fc.property(texts, fc.constantFrom(',', ';', '\t'), (some, delimiter) => {
        const queries = some.map(query);
        const [first, ...others] = queries;
        const begun = withQueries(read(newTable(columns, delimiter)), [first!]);
        const table = read(others.length > 0 ? withQueries(read(begun), others) : begun);
        expect([...table.rows.keys()]).toEqual(queries.map(({id}) => id));
        expect(textsIn(table)).toEqual(some);
        expect(table.content.startsWith(begun)).toBe(true);
      }),
      {numRuns: 300},
    );
  });

  it('holds no cell that a spreadsheet runs as a formula', () => {
    for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\ta', '\ra', '＝1', '=HYPERLINK("http://a.test";"a")']) {
      expect(guarded(text)).toBe(`'${text}`);
      const table = withQueries(read(newTable(columns, ',')), [query(text)]);
      const cells = Papa.parse<string[]>(table.slice(1)).data.flat();
      expect(cells.filter(cell => /^[=+\-@\t\r＝]/.test(cell))).toEqual([]);
    }
    expect(guarded("it's")).toBe("it's");
    expect(guarded("'tis")).toBe("'tis");
  });

  it('holds none either if it is read with another delimiter than it was written with', () => {
    const delimiters = [',', ';', '\t'] as const;
    fc.assert(
      fc.property(hostile, fc.constantFrom(...delimiters), (text, delimiter) => {
        const table = withQueries(read(newTable(columns, delimiter)), [query(text)]);
        for (const other of [...delimiters, '|']) {
          for (const newline of ['\r\n', '\n', '\r'] as const) {
            const cells = Papa.parse<string[]>(table.slice(1), {delimiter: other, newline}).data.flat();
            expect(cells.filter(cell => /^[ "]*[=+\-@＝]/.test(cell))).toEqual([]);
          }
          const plain = table
            .slice(1)
            .split(/[\r\n]/)
            .flatMap(line => line.split(other));
          expect(plain.filter(cell => /^[ "]*[=+\-@＝]/.test(cell))).toEqual([]);
        }
        expect(textsIn(read(table))).toEqual([text]);
      }),
      {seed: 15, numRuns: 1000},
    );
    expect(guarded('a;=1, -2')).toBe("a;'=1, '-2");
    expect(unguarded("a;'=1, '-2")).toBe('a;=1, -2');
  });

  it('removes no mark that it did not add', () => {
    fc.assert(
      fc.property(hostile, text => {
        expect(unguarded(guarded(text))).toBe(text);
      }),
      {numRuns: 300},
    );
    expect(unguarded("'tis")).toBe("'tis");
  });

  it('is read with any delimiter, line ends, case and order of columns', () => {
    for (const [delimiter, newline] of [
      [',', '\n'],
      [';', '\r\n'],
      ['\t', '\r'],
    ] as const) {
      const rows = [['ID', 'note', ' Label ', 'Text'], ['q1', '', 'spam', 'a b'], [], ['q2', 'x', "'+", '"'], ['q3']];
      const table = read(Papa.unparse(rows, {delimiter, newline}) + newline);
      expect([...table.rows.values()].flat()).toEqual([
        {number: 2, id: 'q1', text: 'a b', cells: ['spam']},
        {number: 4, id: 'q2', text: '"', cells: ['+']},
        {number: 5, id: 'q3', text: '', cells: ['']},
      ]);
      const added = withQueries(table, [{id: 'q4', text: '=1'}]).slice(table.content.length);
      expect(added).toBe(`${['q4', '', '', "'=1"].join(delimiter)}${newline}`);
    }
  });

  it('is read if rows have different line ends, and if the last one has none', () => {
    const table = read('label,text,id\r\nspam,a,q1\nham,"b",q2\r\nham,c,q3');
    expect(cellsIn(table)).toEqual([['spam'], ['ham'], ['ham']]);
    expect([...table.rows.keys()]).toEqual(['q1', 'q2', 'q3']);
    const more = read(withQueries(table, [{id: 'q4', text: 'd'}]));
    expect([...more.rows.keys()]).toEqual(['q1', 'q2', 'q3', 'q4']);
  });

  it('numbers rows as spreadsheets do, those of several lines and empty ones counted', () => {
    const table = read('label,text,id\n,"a\nb\nc",q1\n\n,,\n,d,q2\n');
    expect([...table.rows.values()].flat().map(({number}) => number)).toEqual([2, 5]);
  });

  it('finds the query of a row without an id by its text', () => {
    const table = read('text,label,id\nbuy now,spam,\n,spam,\n');
    expect([...table.rows.keys()]).toEqual([query('buy now').id]);
  });

  it.each([
    ['lacks a column', 'text,id\na,q1\n', 'The first row has no column `label`. Its cells are `text`, `id`.'],
    ['has a column twice', 'label,text,Label,id\n', 'has more than one column `label`'],
    ['has other first cells', 'hello\n', 'must name `label`, `text`, `id`, each once'],
    ['ends in the middle of a row', 'label,text,id\n,a,q1\n,"b', "Row 3 has quotes that don't match"],
    ['has text after a quote', 'label,text,id\n,"a"b,q1\n,c,q2\n', "Row 2 has quotes that don't match"],
  ])('is refused where it %s', (_, content, problem) => {
    expect(() => read(content)).toThrow(`t.csv: `);
    expect(() => read(content)).toThrow(problem);
  });
});

describe('the id of a query', () => {
  const floats = (shape: number[], ...values: number[]): Input => ({
    kind: 'tensor',
    dtype: 'float32',
    shape,
    data: Float32Array.from(values),
  });

  it('differs for another text, dtype, shape or value, and does not look like a number', () => {
    const bytes: Input = {kind: 'tensor', dtype: 'uint8', shape: [8], data: new Uint8Array(8)};
    const inputs = [
      ...['', 'a', 'A', 'a ', 'a\n', '\u00e9', 'e\u0301', '\uD800', '\uD801'].map(
        (text): Input => ({kind: 'text', text}),
      ),
      ...[floats([2, 1], 0, 0), floats([1, 2], 0, 0), floats([2, 1], 0, 1), floats([2, 1], 0, -0), bytes],
    ];
    const ids = inputs.map(idOf);
    expect(new Set(ids).size).toBe(inputs.length);
    for (const id of ids) expect(id).toMatch(/^q[0-9a-f]{24}$/);
  });

  it('depends only on the values of a tensor, not on the rest of their memory', () => {
    const memory = Float32Array.of(9, 1, 2, 9);
    const view: Input = {kind: 'tensor', dtype: 'float32', shape: [2], data: memory.subarray(1, 3)};
    expect(idOf(view)).toBe(idOf(floats([2], 1, 2)));
  });
});
