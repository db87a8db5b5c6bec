import {describe, expect, it} from 'vitest';
import {comparePacking} from '../../../src/ask/probe/packing.ts';
import {packingRows} from '../../../src/cli/probe-packing.ts';
import type {Outcome} from '../../../src/teacher.ts';
import {
  askingIn,
  copying,
  count,
  newFolder,
  percentOf,
  probeIn,
  queries,
  serverThat,
  teacherAt,
} from './packing-probe.ts';

describe('a probe of packing', () => {
  it('finds a model that copies labels within a pack, and refuses it to a run that demands agreement', async () => {
    const [server, folder] = [await serverThat(copying), await newFolder()];
    const found = (await probeIn(folder, teacherAt(server.url))).packing!;
    const copies = queries.filter(({input}) => input.kind === 'text' && percentOf(input.text) < 3).length;
    expect(found).toMatchObject({size: 16, compared: count, changedAgain: 0});
    expect(found.changed).toBeGreaterThan(0);
    expect(found.changed).toBeLessThanOrEqual(copies);
    expect(found.agreement).toBe(1 - found.changed / count);
    expect(found.extra).toBeCloseTo(found.changed / count, 12);
    const asking = await askingIn(folder);
    const before = server.requests.length;
    expect(() => asking.open(teacherAt(server.url, {packAgreement: 0.98}))).toThrow(
      new RegExp(`may not ask about 16 inputs in one request: of 300 labels ${count - found.changed} were the same`),
    );
    expect(() => asking.open(teacherAt(server.url))).not.toThrow();
    expect(server.requests).toHaveLength(before);
    await asking.close();
  });

  it('allows one that gives each input its own label, and counts what each way costs', async () => {
    const [server, folder] = [await serverThat(), await newFolder()];
    const options = {packAgreement: 0.98};
    const found = (await probeIn(folder, teacherAt(server.url, options))).packing!;
    expect(found).toMatchObject({compared: count, changed: 0, changedAgain: 0, agreement: 1, extra: 0});
    expect(found.alone!.whole).toMatchObject({inputs: 1000, calls: 1000});
    const sizes = server.requests.map(items => items.length);
    expect(sizes.filter(size => size === 16)).toHaveLength(2 * 18);
    const asking = await askingIn(folder);
    expect(() => asking.open(teacherAt(server.url, options))).not.toThrow();
    // Another size, and a higher demand, are others.
    expect(() => asking.open(teacherAt(server.url, {...options, pack: 32}))).toThrow('no probe has shown');
    expect(() => asking.open(teacherAt(server.url, {packAgreement: 0.995}))).toThrow('shows an agreement of 99.0 %');
    await asking.close();
    const offline = await askingIn(folder, {record: 'none'});
    expect(() => offline.open(teacherAt(server.url, {...options, pack: 32}))).not.toThrow();
    await offline.close();
  });

  it('does not take packed answers for answers alone where they share their keys', async () => {
    const [server, folder] = [await serverThat(copying), await newFolder()];
    const {packing} = await probeIn(folder, teacherAt(server.url, {packMatters: false}));
    expect(packing!.changed).toBeGreaterThan(0);
  });

  it('does not blame packing for what asking again changes as well', () => {
    const label = (value: number): Outcome => ({answer: {kind: 'label', label: value}});
    const rows = Array.from({length: 200}, (_, row) => row);
    const found = comparePacking(8, {
      alone: rows.map(() => label(0)),
      packed: rows.map(row => label(row < 4 ? 1 : 0)),
      again: rows.map(row => (row === 199 ? {error: new Error('no')} : label(row > 190 ? 1 : 0))),
    })!;
    expect(found).toMatchObject({compared: 199, changed: 4, changedAgain: 8});
    expect(found.extra).toBeCloseTo(-4 / 199, 12);
    expect(found.extraInterval[0]).toBeLessThan(-4 / 199);
    expect(found.extraInterval[1]).toBeGreaterThan(-4 / 199);
    const [, [, sentence]] = packingRows(found) as [string[], [string, string]];
    expect(sentence).toMatch(/^packing 8 changes 2\.0 % fewer labels than asking again does \(−\d\.\d to \d\.\d %\)$/);
    expect(comparePacking(8, {alone: [], packed: [], again: []})).toBeUndefined();
  });
});
