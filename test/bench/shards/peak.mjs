import {writeFileSync} from 'node:fs';

// Writes, when the process ends, the most memory that it held and the time that it computed.
process.on('exit', () => {
  const {maxRSS, userCPUTime, systemCPUTime} = process.resourceUsage();
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
  writeFileSync(process.env.PEAK_FILE, JSON.stringify({peakKiB: maxRSS, cpuSeconds}));
});
