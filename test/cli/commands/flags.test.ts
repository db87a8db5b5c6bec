import {InvalidArgumentError} from 'commander';
import {describe, expect, it} from 'vitest';
import {port, positive, rowRange, share, shareOf, wholeNumber} from '../../../src/cli/commands/flags.ts';

describe('numbers on the command line', () => {
  it.each([
    [wholeNumber, '0', 0],
    [wholeNumber, '-3', -3],
    [wholeNumber, '42', 42],
    [positive, '1', 1],
    [positive, '20', 20],
    [port, '0', 0],
    [share, '1%', 0.01],
    [share, '0.3 %', 0.003],
    [share, '100%', 1],
    [share, '0.01', 0.01],
    [share, '.5', 0.5],
    [share, '0', 0],
    [port, '65535', 65_535],
  ])('%o reads %j', (read, text, number) => {
    expect(read(text)).toBe(number);
  });

  it.each([
    [wholeNumber, ''],
    [wholeNumber, '1.5'],
    [wholeNumber, '1e3'],
    [wholeNumber, ' 1'],
    [wholeNumber, 'one'],
    [wholeNumber, '9007199254740993'],
    [positive, '0'],
    [positive, '-1'],
    [positive, '01'],
    [port, '65536'],
    [port, '-1'],
    [share, '1'],
    [share, '5'],
    [share, '101%'],
    [share, '-1%'],
    [share, ''],
    [share, '%'],
    [port, '0x50'],
  ])('%o refuses %j', (read, text) => {
    expect(() => read(text)).toThrow(InvalidArgumentError);
  });
});

describe('parts of a transfer set on the command line', () => {
  it('are rows or a share', () => {
    expect(rowRange('0:1000')).toEqual({from: 0, to: 1000});
    expect(shareOf('4/4')).toEqual({number: 4, of: 4});
  });

  it.each(['', '5', '5:5', '9:5', '-3:5', ':5', '5:', '0:5:9', 'a:b', '0:1e3', '0.5:3', '0:99999999999999999999'])(
    'are no rows if they are %j',
    text => {
      expect(() => rowRange(text)).toThrow('Give A:B, whole numbers with A below B');
    },
  );

  it.each(['', '1', '0/4', '5/4', '1/0', '-1/4', '1/4/9', 'a/b', '1:4', '1.5/4'])(
    'are no share if they are %j',
    text => {
      expect(() => shareOf(text)).toThrow('Give N/M, whole numbers with N from 1 to M');
    },
  );
});
