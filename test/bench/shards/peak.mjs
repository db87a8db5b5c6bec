import {readFileSync, writeFileSync} from 'node:fs';

/** KiB of memory that no file is behind; 0 where the system does not tell. Pages of files are given back as others need them. */
function ownMemory() {
  try {
    return Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  } catch {
    return 0;
  }
}

let ownKiB = 0;
const look = () => {
  ownKiB = Math.max(ownKiB, ownMemory());
};
setInterval(look, 100).unref();

// Writes, when the process ends, the most memory that it held and the time that it computed.
process.on('exit', () => {
  look();
  const {maxRSS, userCPUTime, systemCPUTime} = process.resourceUsage();
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
  writeFileSync(process.env.PEAK_FILE, JSON.stringify({peakKiB: maxRSS, ownKiB, cpuSeconds}));
});
