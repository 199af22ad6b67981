import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type AcceptedSubmitEntry,
  openSubmitJournal,
  type SubmitJournalOptions,
} from '../../../../worker/spool/submit-journal.ts';

const dayMs = 24 * 60 * 60 * 1000;
const start = Date.parse('2026-11-01T12:00:00.000Z');

function entry(number: number, more: Partial<AcceptedSubmitEntry> = {}): AcceptedSubmitEntry {
  return {
    workflowId: `generation-${String(number)}`,
    firstExecutionRunId: `first-run-${String(number)}`,
    requestId: `request-${String(number)}`,
    acceptedAt: '2026-11-01T12:00:00.000Z',
    namespace: 'default',
    namespaceId: 'namespace-1',
    ...more,
  };
}

/** A journal whose clock is set by hand. */
async function journalAt(options: SubmitJournalOptions = {}) {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-journal-'));
  onTestFinished(() => rm(stateDir, { recursive: true, force: true }));
  const clock = { now: start };
  const open = () => openSubmitJournal(stateDir, { now: () => clock.now, ...options });
  const folder = path.join(stateDir, 'accepted-submits');
  const files = async () => {
    const names = await readdir(folder, { recursive: true });
    return names.filter((name) => name.endsWith('.jsonl')).map((name) => path.join(folder, name));
  };
  return { stateDir, clock, open, folder, files, journal: open() };
}

describe('the journal of accepted submits', () => {
  it('knows nothing before anything was accepted', async () => {
    const { journal } = await journalAt();
    expect(await journal.find(entry(1))).toBeUndefined();
  });

  it('finds the accepted submit of a chain, whoever opens it', async () => {
    const { journal, open } = await journalAt();
    for (let number = 0; number < 40; number += 1) await journal.append(entry(number));
    for (let number = 0; number < 40; number += 1) expect(await open().find(entry(number))).toEqual(entry(number));
    expect(await open().find(entry(41))).toBeUndefined();
  });

  it('tells chains of the same key apart, and keys that share the run of another server', async () => {
    const { journal } = await journalAt();
    await journal.append(entry(1));
    expect(await journal.find({ workflowId: 'generation-1', firstExecutionRunId: 'first-run-2' })).toBeUndefined();
    expect(await journal.find({ workflowId: 'generation-2', firstExecutionRunId: 'first-run-1' })).toBeUndefined();
  });

  it('gives the first of several accepted submits, which is the one that was ordered', async () => {
    const { journal, clock } = await journalAt();
    await journal.append(entry(1));
    await journal.append(entry(1, { requestId: 'request-again' }));
    clock.now += 2 * dayMs;
    await journal.append(entry(1, { requestId: 'request-later' }));
    expect(await journal.find(entry(1))).toMatchObject({ requestId: 'request-1' });
  });

  it('passes over lines that a crash left torn, and keeps the one that comes after them', async () => {
    const { journal, files } = await journalAt();
    await journal.append(entry(1));
    const [file = ''] = await files();
    const whole = JSON.stringify(entry(1, { requestId: 'request-torn' }));
    for (let length = 1; length < whole.length; length += 11) {
      await writeFile(file, whole.slice(0, length));
      expect(await journal.find(entry(1))).toBeUndefined();
      await journal.append(entry(1));
      expect(await journal.find(entry(1))).toEqual(entry(1));
    }
    await appendFile(file, `\n${JSON.stringify({ ...entry(2), requestId: '../odd id' })}\n`);
    expect(await journal.find(entry(2))).toBeUndefined();
  });

  it('keeps entries for 30 days, and forgets them with the next that is written', async () => {
    const { journal, clock, folder } = await journalAt();
    await journal.append(entry(1));
    clock.now += 30 * dayMs;
    expect(await journal.find(entry(1))).toEqual(entry(1));
    clock.now += dayMs;
    expect(await journal.find(entry(1))).toBeUndefined();
    await journal.append(entry(2));
    expect(await readdir(folder)).toEqual(['2026-12-02']);
  });

  it('loses one day at most to a clock that ran ahead, and forgets days one by one', async () => {
    const { journal, open, clock, folder } = await journalAt();
    for (let day = 0; day < 30; day += 1) {
      await journal.append(entry(day));
      clock.now += dayMs;
    }
    clock.now += 400 * dayMs;
    for (const writer of [journal, open(), open()]) await writer.append(entry(100));
    clock.now -= 400 * dayMs;
    for (let day = 1; day < 30; day += 1) expect(await journal.find(entry(day))).toEqual(entry(day));
    expect(await journal.find(entry(100))).toEqual(entry(100));
    clock.now += 10 * dayMs;
    await journal.append(entry(101));
    clock.now += dayMs;
    await journal.append(entry(102));
    expect((await readdir(folder)).toSorted()[0]).toBe('2026-11-04');
  });

  it('stays within its size: the oldest days go first, what is written today stays', async () => {
    const { journal, clock, folder } = await journalAt({ maxBytes: 1_000 });
    for (let day = 0; day < 6; day += 1) {
      for (let number = 0; number < 2; number += 1) await journal.append(entry(day * 10 + number));
      clock.now += dayMs;
    }
    const left = await readdir(folder);
    expect(left.length).toBeLessThan(5);
    expect(left.at(-1)).toBe('2026-11-06');
    expect(await journal.find(entry(50))).toEqual(entry(50));
    expect(await journal.find(entry(0))).toBeUndefined();
  });

  it('can be read by its owner alone, and keeps nothing but ids and names', async () => {
    const { journal, files } = await journalAt();
    await journal.append(entry(1, { workflowId: '../../escape "\n' }));
    expect(await journal.find(entry(1, { workflowId: '../../escape "\n' }))).toBeDefined();
    const [file = ''] = await files();
    expect((await stat(file)).mode & 0o077).toBe(0);
    expect((await stat(path.dirname(file))).mode & 0o077).toBe(0);
    const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
    expect(lines).toHaveLength(1);
  });

  it('is shared by several writers: none loses what another wrote', async () => {
    const { open } = await journalAt();
    const writers = Array.from({ length: 5 }, open);
    await Promise.all(
      writers.flatMap((writer, index) =>
        Array.from({ length: 20 }, (_, number) => writer.append(entry(index * 100 + number))),
      ),
    );
    for (let index = 0; index < 5; index += 1) {
      for (let number = 0; number < 20; number += 1) {
        expect(await open().find(entry(index * 100 + number))).toBeDefined();
      }
    }
  });

  it('says so when it cannot be written, or read', async () => {
    const { stateDir } = await journalAt();
    const file = path.join(stateDir, 'a-file');
    await writeFile(file, '');
    await expect(openSubmitJournal(file).append(entry(1))).rejects.toThrow();
    await expect(openSubmitJournal(file).find(entry(1))).rejects.toThrow();
  });
});
