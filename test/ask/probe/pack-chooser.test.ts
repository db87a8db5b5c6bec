import {describe, expect, it} from 'vitest';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {leavesOf} from '../../../src/ask/compose/parts.ts';
import {shownAgreement} from '../../../src/ask/probe/changes.ts';
import {packChooser} from '../../../src/ask/probe/pack-chooser.ts';
import {largestShown} from '../../../src/ask/probe/packing-verdicts.ts';
import {packChoiceRows} from '../../../src/cli/probe-packing.ts';
import {randomFraction, seededRandom} from '../../../src/data/random.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {askingIn, copying, newFolder, probeIn, queries, serverThat, teacherAt} from './packing-probe.ts';

const openAt = (url: string, options = {}) => teacherAt(url, {pack: 'auto', ...options});

/** A model that keeps to each text in packs of up to 8, and copies labels in larger ones. */
const upToEight: typeof copying = (items, fields) => (items.length > 8 ? copying!(items, fields) : undefined);

/** Teachers as a run asks them, and what it is told of them. */
async function chooserIn(folder: string) {
  const notes: string[] = [];
  return {notes, chosen: packChooser({journal: `${folder}/journal`, onNote: note => notes.push(note)})};
}

describe('the size of packs that a probe chooses', () => {
  it('is the largest before the first that changes labels, and a run asks as if the recipe named it', async () => {
    const [server, folder] = [await serverThat(upToEight), await newFolder()];
    const teacher = openAt(server.url);
    const {packChoice, requests} = await probeIn(folder, teacher);
    expect(packChoice!.tried.map(({size}) => size)).toEqual([4, 8, 16]);
    expect(packChoice).toMatchObject({agreement: 0.98, leastInputs: 149, size: 8});
    expect(packChoice!.tried[1]).toMatchObject({compared: 300, changed: 0, packed: {whole: {calls: 125}}});
    expect(packChoiceRows(packChoice!, requests).at(-1)![1]).toMatch(
      /^up to 8 inputs in a request: the most that show 98 % of labels as alone, with 95 % confidence/,
    );
    // Twice alone, and once in each size.
    expect(server.requests).toHaveLength(2 * 300 + 75 + 38 + 19);
    const {chosen, notes} = await chooserIn(folder);
    const asked = chosen(teacher);
    expect(asked.identity).toEqual(teacherAt(server.url, {pack: 8}).identity);
    expect(asked.maxBatch).toBe(8);
    expect(chosen(teacher)).toBe(asked);
    expect(notes).toEqual([
      `Teacher ${teacher.name} asks about up to 8 inputs in one request, as the last probe allows.`,
    ]);
    // What the probe bought in packs of 8 is kept.
    const asking = await askingIn(folder, {record: 'none'});
    const outcomes = await asking.open(asked).teacher.ask(queries.slice(0, 8));
    await asking.close();
    expect(outcomes.every(outcome => 'answer' in outcome)).toBe(true);
  });

  it('is 1 if the smallest changes labels, or demands more than the probe shows', async () => {
    const [server, folder] = [await serverThat(copying), await newFolder()];
    const {packChoice} = await probeIn(folder, openAt(server.url));
    expect(packChoice).toMatchObject({size: 1, tried: [{size: 4}]});
    const {chosen, notes} = await chooserIn(folder);
    expect(chosen(openAt(server.url)).maxBatch).toBe(1);
    expect(notes[0]).toContain('asks about inputs one by one: the last probe allows no packs.');
    // By a lower demand the same labels allow it; no larger size was tried.
    expect(chosen(openAt(server.url, {packAgreement: 0.9})).maxBatch).toBe(4);
  });

  it('is open without a probe, or with too few inputs: then each is asked about alone, and a note says so once', async () => {
    const [server, folder] = [await serverThat(), await newFolder()];
    const teacher = openAt(server.url);
    const {packChoice} = await probeIn(folder, teacher, queries.slice(0, 5));
    expect(packChoice).toEqual({agreement: 0.98, leastInputs: 149, tried: []});
    expect(packChoiceRows(packChoice!, undefined)[0]![1]).toContain('it takes 149 inputs to show 98 %');
    expect(server.requests.every(items => items.length === 1)).toBe(true);
    const {chosen, notes} = await chooserIn(folder);
    for (const one of [teacher, teacher])
      expect(chosen(one).identity).toEqual(teacherAt(server.url, {pack: 1}).identity);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain(
      "no probe has tried its packs (`pack: 'auto'`). Run `limbeck probe RECIPE --questions 300`",
    );
  });

  it('reaches the parts of a composed teacher, whose own identity then holds theirs', async () => {
    const [server, folder] = [await serverThat(), await newFolder()];
    const part = openAt(server.url);
    const [fixed, whole] = [
      ensemble([teacherAt(server.url), teacherAt(server.url, {pack: 2})]),
      ensemble([part, part]),
    ];
    await probeIn(folder, part, queries.slice(0, 150));
    const {chosen} = await chooserIn(folder);
    const asked: Teacher = chosen(whole);
    expect(leavesOf(asked, asked.detail).map(({teacher}) => teacher.maxBatch)).toEqual([64, 64]);
    expect(asked.identity['parts']).toEqual([64, 64].map(pack => teacherAt(server.url, {pack}).identity));
    expect(chosen(fixed)).toBe(fixed);
  });
});

describe('the largest size that is shown', () => {
  const SIZES = [4, 8, 16, 32, 64];
  const FLOOR = 0.98;
  const RUNS = 2_000;

  /** How often, in probes of `inputs`, a size is chosen that keeps less than the floor. */
  function shareWrong(inputs: number, kept: readonly number[], choose: typeof largestShown): number {
    const random = seededRandom(7, `${inputs} ${kept}`);
    // The chance of each number of changes is drawn by its distribution, which is quicker than input by input.
    const drawn = kept.map(share => changesBy(inputs, 1 - share));
    let wrong = 0;
    for (let run = 0; run < RUNS; run++) {
      const tried = SIZES.map((size, index) => ({
        size,
        compared: inputs,
        changed: drawn[index]!(randomFraction(random)),
      }));
      const index = SIZES.indexOf(choose(tried, FLOOR));
      if (index >= 0 && kept[index]! < FLOOR) wrong++;
    }
    return wrong / RUNS;
  }

  /** Returns the inverse of the binomial distribution function. */
  function changesBy(trials: number, share: number): (draw: number) => number {
    return draw => {
      let [term, sum, count] = [(1 - share) ** trials, (1 - share) ** trials, 0];
      while (sum < draw && count < trials) {
        term *= ((trials - count) / (count + 1)) * (share / (1 - share));
        sum += term;
        count++;
      }
      return count;
    };
  }

  const JUST_BELOW = FLOOR - 1e-6;
  /** The best of those that pass a test by themselves, whatever the others do. */
  const bestOfAll: typeof largestShown = (tried, floor) =>
    tried.findLast(labels => shownAgreement(labels) >= floor)?.size ?? 1;

  it('keeps less than the demanded agreement in at most 5 % of probes, whichever sizes do', () => {
    const sets = [
      SIZES.map(() => JUST_BELOW),
      [1, JUST_BELOW, JUST_BELOW, JUST_BELOW, JUST_BELOW],
      [1, 1, 1, JUST_BELOW, 0.97],
      [1, 1, 1, 1, JUST_BELOW],
    ];
    // With 149 inputs the test of one size is nearly as wrong as it may be: 4.9 %.
    for (const inputs of [149, 300]) {
      for (const kept of sets) expect(shareWrong(inputs, kept, largestShown)).toBeLessThan(0.065);
      expect(
        shareWrong(
          inputs,
          SIZES.map(() => 1),
          largestShown,
        ),
      ).toBe(0);
    }
    expect(shareWrong(149, sets[0]!, bestOfAll)).toBeGreaterThan(0.2);
  });
});
