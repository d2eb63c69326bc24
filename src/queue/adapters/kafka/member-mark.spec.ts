import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { dropMark, isDead, newMark } from './member-mark.js';

/** As the broker names a member. */
const memberOf = (mark: string): string => `fairline-${mark}-${randomUUID()}`;

/** The mark of a member of another process. */
function markOf(pid: number | undefined, where?: string): string {
  const mark = newMark();
  dropMark(mark);
  const [machine, , own] = mark.split('.');
  return [where ?? machine, pid, own].join('.');
}

describe('A member of a group', () => {
  it('is dead when this process has given it up', () => {
    const mark = newMark();
    expect(isDead(memberOf(mark))).toBe(false);
    dropMark(mark);
    expect(isDead(memberOf(mark))).toBe(true);
  });

  it('is dead when its process on this machine has ended', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
    const member = memberOf(markOf(other.pid));
    expect(isDead(member)).toBe(false);
    other.kill('SIGKILL');
    await once(other, 'exit');
    expect(isDead(member)).toBe(true);
  });

  it('is none of our business where it is on another machine or not one of ours', () => {
    const ended = 2 ** 22 + 1;
    expect(isDead(memberOf(markOf(ended)))).toBe(true);
    expect(isDead(memberOf(markOf(ended, '00000000')))).toBe(false);
    expect(isDead(`kafkajs-${randomUUID()}`)).toBe(false);
  });
});
