import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLock } from './lock.js';

describe('A lock', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairline-lock-'));
    path = join(folder, 'lock');
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('lets one in at a time, also where a dead process left it, and leaves no file', async () => {
    await symlink('999999999:1:gone/0', path);
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(1);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 50 }, () => withLock(path, work)));
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes over from a dead process although another died while it did the same', async () => {
    const dead = '999999999:1:gone/0';
    const takeover = createHash('sha256').update(dead).digest('hex').slice(0, 16);
    await symlink(dead, path);
    await symlink('999999998:1:gone/0', `${path}.${takeover}`);
    expect(await withLock(path, () => Promise.resolve('done'))).toBe('done');
  });

  it('is given back when the work fails', async () => {
    await expect(withLock(path, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(await withLock(path, () => Promise.resolve('next'))).toBe('next');
  });

  it('names the process that holds it for too long', async () => {
    await withLock(path, async () => {
      await expect(withLock(path, () => Promise.resolve(), 50)).rejects.toThrow(
        `Process ${process.pid} holds`,
      );
    });
  });
});
