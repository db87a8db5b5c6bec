import {describe, expect, it} from 'vitest';
import {changesByRow, changesIn} from '../../../src/ask/probe/changes.ts';
import {packingRows} from '../../../src/cli/probe-packing.ts';
import type {Outcome} from '../../../src/teacher.ts';
import {objectText} from '../../adapters/_chat/pack-server.ts';
import {
  askingIn,
  classes,
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

  it('says so if labels change late in a request, and makes no claim if they change anywhere', async () => {
    const late: typeof copying = (items, fields) => ({
      text: objectText(
        fields.map(([id, label], row) => [id, row > 10 && percentOf(items[row]!.text) < 25 ? fields[0]![1] : label]),
      ),
    });
    const trendsOf = async (write: typeof copying) => {
      const [server, folder] = [await serverThat(write), await newFolder()];
      const packing = (await probeIn(folder, teacherAt(server.url))).packing!;
      return {trend: packing.trend!, sentences: packingRows(packing).map(([, sentence]) => sentence)};
    };
    const found = await trendsOf(late);
    expect(found.trend.isLate).toBe(true);
    expect(found.trend.changed).toBeGreaterThan(11);
    expect(found.trend.p).toBeLessThan(0.001);
    expect(found.sentences.at(-1)).toMatch(
      /^labels change more often late in a request: at position 1\d\.\d on average/,
    );
    const anywhere = await trendsOf((items, fields) => ({
      text: objectText(
        fields.map(([id, label], row) => [
          id,
          items.length > 1 && percentOf(`any ${items[row]!.text}`) < 8 ? classes[0]! : label,
        ]),
      ),
    }));
    expect(anywhere.trend.p).toBeGreaterThan(0.05);
    expect(anywhere.sentences.filter(sentence => sentence!.includes('more often'))).toEqual([]);
  });

  it('does not take packed answers for answers alone where they share their keys', async () => {
    const [server, folder] = [await serverThat(copying), await newFolder()];
    const {packing} = await probeIn(folder, teacherAt(server.url, {packMatters: false}));
    expect(packing!.changed).toBeGreaterThan(0);
  });

  it('does not blame packing for what asking again changes as well', () => {
    const label = (value: number): Outcome => ({answer: {kind: 'label', label: value}});
    const rows = Array.from({length: 200}, (_, row) => row);
    const changes = changesIn(
      changesByRow({
        first: rows.map(() => label(0)),
        other: rows.map(row => label(row < 4 ? 1 : 0)),
        again: rows.map(row => (row === 199 ? {error: new Error('no')} : label(row > 190 ? 1 : 0))),
      }),
    )!;
    const found = {...changes, size: 8};
    expect(found).toMatchObject({compared: 199, changed: 4, changedAgain: 8});
    expect(found.extra).toBeCloseTo(-4 / 199, 12);
    expect(found.extraInterval[0]).toBeLessThan(-4 / 199);
    expect(found.extraInterval[1]).toBeGreaterThan(-4 / 199);
    const [, [, sentence]] = packingRows(found) as [string[], [string, string]];
    expect(sentence).toMatch(/^packing 8 changes 2\.0 % fewer labels than asking again does \(−\d\.\d to \d\.\d %\)$/);
    expect(changesIn([undefined])).toBeUndefined();
  });
});
