import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** The broker calls a member by its client's name, which ends in the mark, and a UUID. */
const MARKED = /-([0-9a-f]{8})\.(\d+)\.([0-9a-f]{8})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where numbers of processes mean the same: this machine since its last start, or this container. */
const machine = createHash('sha256').update(whereabouts()).digest('hex').slice(0, 8);

/** The members of this process that live. */
const living = new Set<string>();

/** A mark for one more member of this process. */
export function newMark(): string {
  const own = randomBytes(4).toString('hex');
  living.add(own);
  return `${machine}.${process.pid}.${own}`;
}

/** The member with this mark is no more, whatever the broker thinks. */
export function dropMark(mark: string): void {
  living.delete(mark.slice(-8));
}

/** Whether a member of a group was on this machine, and its process has ended or knows nothing of it any more. */
export function isDead(memberId: string): boolean {
  const [, where, pid, own] = MARKED.exec(memberId) ?? [];
  if (where !== machine || pid === undefined || own === undefined) return false;
  return Number(pid) === process.pid ? !living.has(own) : !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // somebody else's process is one as well
    return !(typeof error === 'object' && error !== null && 'code' in error && error.code === 'ESRCH');
  }
}

/** A system that does not tell shares its processes with nobody: no other is ever taken for dead. */
function whereabouts(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${hostname()} ${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return randomBytes(16).toString('hex');
  }
}
