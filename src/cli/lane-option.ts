import {Option} from 'commander';

/** By which lane services are asked. */
export type Lane = (typeof LANES)[number];

const LANES = ['batch'] as const;

/** The flag that chooses the lane. */
export function laneOption(): Option {
  const about =
    '`batch`: by the batch lane of the service, for less money, within a day (default: one by one, at once)';
  return new Option('--lane <lane>', about).choices(LANES);
}
