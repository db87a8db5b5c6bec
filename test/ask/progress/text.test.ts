import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {askingDetail} from '../../../src/ask/progress/meter.ts';
import type {AskingProgress} from '../../../src/ask/progress/progress.ts';

const beginning: AskingProgress = {
  ...{isDone: false, bought: 0, cached: 0, setAside: 0, refused: 0, pausedSeconds: 0},
  ...{perSecond: undefined, secondsLeft: undefined, inFlight: undefined, limit: undefined},
  ...{usd: undefined, usdAtEnd: undefined, budgetSpent: undefined, budgetAtEnd: undefined},
};

const text = (progress: Partial<AskingProgress>) => askingDetail({...beginning, ...progress});

describe('askingDetail', () => {
  it('says what was bought and how fast', () => {
    expect(text({})).toBe('0 bought ·     –/s');
    expect(text({bought: 1234, cached: 300, perSecond: 98.23})).toBe('1,234 bought · 300 cached ·  98.2/s');
  });

  it('says what it costs, what it will cost, and how far the budget goes', () => {
    const progress = {bought: 50, perSecond: 5, usd: 1.23, usdAtEnd: 4.6, budgetSpent: 0.246, budgetAtEnd: 0.92};
    expect(text(progress)).toBe('50 bought ·  5.00/s · $1.23 of ~$4.60 · budget 24 %');
    expect(text({...progress, budgetAtEnd: 1.01})).toContain('budget 24 %, too small');
    expect(text({usd: 0.0042})).toContain('$0.0042');
  });

  it('says what the service makes of it', () => {
    const progress = {bought: 50, perSecond: 5, inFlight: 32, limit: 64.7, refused: 12, setAside: 1};
    expect(text(progress)).toBe('50 bought ·  5.00/s · 32/64 in flight · 1 quarantined · 12 refused');
    expect(text({...progress, pausedSeconds: 31.2})).toContain('50 bought · paused 32 s · 32/64');
  });

  it('says at the end what remains of interest', () => {
    const progress = {bought: 300, perSecond: 5, inFlight: 0, limit: 64, usd: 4.5, usdAtEnd: 4.5, budgetSpent: 0.9};
    expect(text({...progress, isDone: true, refused: 3})).toBe('300 bought · $4.50 · budget 90 % · 3 refused');
    expect(text({isDone: true, bought: 300})).toBe('300 bought');
  });

  it('keeps the width of a speed, whatever it is', () => {
    const speeds = [0, 0.04, 0.999, 1, 9.999, 10, 99.96, 100, 999.4, 999.5, 1000, 16_600, 31_000, 100_000, 999_500];
    const shown = speeds.map(perSecond => text({perSecond}).slice('0 bought · '.length));
    expect(shown.map(part => part.trim())).toEqual([
      ...['0.00/s', '0.04/s', '1.00/s', '1.00/s', '10.0/s', '10.0/s', '100/s'],
      ...['100/s', '999/s', '1.00k/s', '1.00k/s', '16.6k/s', '31.0k/s', '100k/s', '1000k/s'],
    ]);
    expect(new Set(shown.map(({length}) => length))).toEqual(new Set([7]));
  });

  it('never has more than 80 characters, nor a part cut in two', () => {
    const amount = fc.nat(1e9);
    const maybe = fc.option(fc.double({min: 0, max: 1e6, noNaN: true}), {nil: undefined});
    const progress = fc.record({
      ...{isDone: fc.boolean(), bought: amount, cached: amount, setAside: amount, refused: amount},
      ...{pausedSeconds: fc.nat(10_000), perSecond: maybe, inFlight: fc.option(fc.nat(9999), {nil: undefined})},
      ...{limit: maybe, usd: maybe, usdAtEnd: maybe, budgetSpent: maybe, budgetAtEnd: maybe, secondsLeft: maybe},
    });
    const part =
      /^([\d,]+ (bought|cached|quarantined|refused)|paused \d+ s| *[\d.–k]+\/s|\$[\d.,]+( of ~\$[\d.,]+)?|budget +\d+ %(, too small)?|\d+\/\d+ in flight)$/;
    fc.assert(
      fc.property(progress, value => {
        const detail = askingDetail(value);
        expect(detail.length).toBeLessThanOrEqual(80);
        for (const piece of detail.split(' · ')) expect(piece).toMatch(part);
      }),
    );
  });
});
