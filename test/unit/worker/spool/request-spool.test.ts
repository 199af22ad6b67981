import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openRequestSpool, type SpooledRequest } from '../../../../worker/spool/request-spool.ts';

const run = promisify(execFile);
const spoolProcess = fileURLToPath(new URL('./spool-process.ts', import.meta.url));

async function stateFolder(): Promise<{ stateDir: string; folder: string }> {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-spool-'));
  onTestFinished(() => rm(stateDir, { recursive: true, force: true }));
  return { stateDir, folder: path.join(stateDir, 'accepted-requests') };
}

function entry(requestId: string): SpooledRequest {
  const acceptedAt = '2026-11-01T00:00:00.000Z';
  return { workflowId: 'generation-1', firstExecutionRunId: 'first-run', requestId, acceptedAt };
}

describe('the spool of request ids', () => {
  it('is empty before anything was put', async () => {
    const { stateDir } = await stateFolder();
    expect(await openRequestSpool(stateDir).list()).toEqual([]);
  });

  it('gives back what was put, to whoever opens it, until that is removed', async () => {
    const { stateDir } = await stateFolder();
    const spool = openRequestSpool(stateDir);
    await spool.put(entry('one'));
    await spool.put(entry('two'));
    await spool.put(entry('two'));
    const other = openRequestSpool(stateDir);
    expect((await other.list()).sort((a, b) => a.requestId.localeCompare(b.requestId))).toEqual([
      entry('one'),
      entry('two'),
    ]);
    await other.remove(entry('one'));
    await other.remove(entry('one'));
    expect(await spool.list()).toEqual([entry('two')]);
  });

  it('can be read by its owner alone, and keeps nothing but the ids', async () => {
    const { stateDir, folder } = await stateFolder();
    await openRequestSpool(stateDir).put({ ...entry('one'), workflowId: '../../escape' });
    const [name = ''] = await readdir(folder);
    expect(name).toMatch(/^[0-9a-f]{40}\.json$/);
    expect((await stat(path.join(folder, name))).mode & 0o077).toBe(0);
    expect((await stat(folder)).mode & 0o077).toBe(0);
  });

  it('passes over files that a crash left torn, and temporary ones', async () => {
    const { stateDir, folder } = await stateFolder();
    const spool = openRequestSpool(stateDir);
    await spool.put(entry('whole'));
    const whole = JSON.stringify(entry('torn'));
    for (let length = 0; length < whole.length; length += 7) {
      await writeFile(path.join(folder, `torn-${String(length)}.json`), whole.slice(0, length));
    }
    await writeFile(path.join(folder, 'other.json'), JSON.stringify({ requestId: 'without a workflow' }));
    await writeFile(path.join(folder, 'list.json'), '[1]');
    await writeFile(path.join(folder, 'abc.json.4711.tmp'), whole);
    expect(await spool.list()).toEqual([entry('whole')]);
  });

  it('keeps nothing of what could not be put, and nothing for long of what a process left that died', async () => {
    const { stateDir, folder } = await stateFolder();
    const spool = openRequestSpool(stateDir);
    await spool.put(entry('one'));
    const [name = ''] = await readdir(folder);
    await spool.remove(entry('one'));
    await mkdir(path.join(folder, name));
    await expect(spool.put(entry('one'))).rejects.toThrow();
    expect(await readdir(folder)).toEqual([name]);
    for (const [left, agoS] of Object.entries({ 'early.json.1.tmp': 7_200, 'late.json.1.tmp': 60 })) {
      const at = Date.now() / 1_000 - agoS;
      await writeFile(path.join(folder, left), '{}');
      await utimes(path.join(folder, left), at, at);
    }
    expect(await spool.list()).toEqual([]);
    expect((await readdir(folder)).toSorted()).toEqual([name, 'late.json.1.tmp'].toSorted());
  });

  it('is shared by several processes: none loses what another put', async () => {
    const { stateDir, folder } = await stateFolder();
    const prefixes = ['a', 'b'];
    const spool = openRequestSpool(stateDir);
    const mine = Array.from({ length: 40 }, (_, index) => entry(`mine-${String(index)}`));
    await Promise.all([
      ...prefixes.map((prefix) => run(process.execPath, ['--import', 'tsx', spoolProcess, stateDir, prefix, '40'])),
      Promise.all(mine.map((one) => spool.put(one).then(() => spool.list()))),
    ]);
    const found = (await spool.list()).map(({ requestId }) => requestId);
    const expected = [...prefixes, 'mine'].flatMap((prefix) =>
      Array.from({ length: 40 }, (_, index) => `${prefix}-${String(index)}`),
    );
    expect(found.sort()).toEqual(expected.sort());
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('says so when it cannot be written', async () => {
    const { stateDir } = await stateFolder();
    const file = path.join(stateDir, 'a-file');
    await writeFile(file, '');
    await expect(openRequestSpool(file).put(entry('one'))).rejects.toThrow();
  });
});
