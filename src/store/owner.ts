import {randomUUID} from 'node:crypto';
import {readFileSync, readlinkSync} from 'node:fs';
import {hostname} from 'node:os';
import {kill, pid} from 'node:process';

/** A process that holds something that can outlive it. */
export interface Owner {
  /**
   * The space in which process ids are unique, in three words: the machine's name, its boot, and the container. The
   * name alone if the system doesn't report the others.
   */
  readonly space: string;
  readonly pid: number;
  /** Distinguishes the process from others that had its id. */
  readonly start: string;
}

/** Names this boot of the machine; undefined if the system doesn't. */
export const machineStart: string | undefined = read('/proc/sys/kernel/random/boot_id');

/** This process. */
export const thisProcess: Owner = {space: processSpace(), pid, start: statusOf(pid)?.start ?? randomUUID()};

/** The state of the process by its id. The id of a process on another machine or in another container tells nothing. */
export function fateOf(owner: Owner): 'alive' | 'ended' | 'unknown' {
  if (idsOf(owner) !== idsOf(thisProcess)) return 'unknown';
  if (owner.pid === thisProcess.pid) return owner.start === thisProcess.start ? 'alive' : 'ended';
  if (!isRunning(owner.pid)) return 'ended';
  const status = statusOf(owner.pid);
  return status === undefined || (status.start === owner.start && !status.isZombie) ? 'alive' : 'ended';
}

/** True if the process runs, or ran, on this machine after its last boot, even in another container. */
export function isOfThisMachine({space}: Owner): boolean {
  return machineStart !== undefined && space.split(' ')[1] === machineStart;
}

/**
 * The part of the space in which ids are unique. The machine's name can change, and a container can have one of its
 * own.
 */
function idsOf({space}: Owner): string {
  const [host = '', start, ids] = space.split(' ');
  return start === undefined || ids === undefined ? host : `${start} ${ids}`;
}

function isRunning(id: number): boolean {
  try {
    return kill(id, 0);
  } catch (error) {
    // Another user's process counts as running.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function processSpace(): string {
  try {
    return `${hostname()} ${machineStart} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

interface ProcessStatus {
  /** True if it has ended and is still listed. */
  readonly isZombie: boolean;
  /** When it was started, in ticks after the boot. */
  readonly start: string;
}

/** Undefined if the system doesn't say. */
function statusOf(id: number): ProcessStatus | undefined {
  try {
    const status = readFileSync(`/proc/${id}/stat`, 'utf8');
    // The second field is the program's name, which may hold spaces; the start is the twenty-second.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
    return {isZombie: fields[0] === 'Z', start: fields[19] ?? ''};
  } catch {
    return undefined;
  }
}
