import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startSimulator } from '../../../simulator/index.ts';
import { createTestClock, flux, startTestSimulator } from '../../support/simulator-client.ts';

/** A simulator in a process of its own; it prints its URL. */
const simulatorProcess = `
  import { startSimulator } from './simulator/index.ts';
  const sim = await startSimulator({ stateFile: process.argv[1], profiles: { '*': { queueMs: 60_000, runMs: 1_000 } } });
  process.stdout.write(sim.url);
`;

function stateFileForTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'simulator-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return join(folder, 'state.jsonl');
}

describe('a simulator with a state file', () => {
  it('knows jobs, wallets, settings, faults, counters and its clock after a restart', async () => {
    const stateFile = stateFileForTest();
    const clock = createTestClock();
    const first = await startTestSimulator({ stateFile, clock });
    first.sim.setSwitches({ success_word: 'completed' });
    first.sim.setBalance('sim-test', 5);
    const finished = await first.submit();
    clock.tick(2_000);
    await first.result(finished);
    const running = await first.submit();
    clock.tick(1_000);
    const cancelled = await first.submit();
    await first.cancel(cancelled);
    const queued = await first.submit();
    first.sim.advanceClock(5);
    first.sim.setFaults([{ fault: 'reset', step: 'status', times: 2, skip: 1 }]);
    await first.status(queued);
    const before = first.sim.ledger();
    const faultsBefore = first.sim.faults();
    await first.sim.close();

    const second = await startTestSimulator({ stateFile, clock, profiles: { '*': { queueMs: 9, runMs: 9 } } });
    expect(second.sim.ledger()).toEqual(before);
    expect(second.sim.faults()).toEqual(faultsBefore);
    expect(second.sim.switches().success_word).toBe('completed');
    second.sim.setFaults([]);
    clock.tick(2_000);
    expect([finished, running, cancelled, queued].map((id) => second.jobOf(id).state)).toEqual([
      'succeeded',
      'succeeded',
      'cancelled',
      'succeeded',
    ]);
    expect((await second.call('GET', '/prod/v2/balance')).json['balance_usd']).toBe(4.97);
    const output = (await second.result(finished))['output'] as { image: string };
    expect((await second.call('GET', new URL(output.image).pathname)).status).toBe(200);
    const next = await second.submit();
    expect([finished, running, cancelled, queued]).not.toContain(next);
  });

  it('catches up on what happened while it was away', async () => {
    const stateFile = stateFileForTest();
    const clock = createTestClock();
    const first = await startTestSimulator({ stateFile, clock });
    const start = clock.now();
    const id = await first.submit();
    await first.sim.close();
    clock.tick(60_000);
    const second = await startTestSimulator({ stateFile, clock });
    expect(second.jobOf(id)).toMatchObject({ state: 'succeeded', startedAt: start + 1_000, finishedAt: start + 2_000 });
  });

  it('keeps every job whose submit was answered when it is killed at once', async () => {
    const stateFile = stateFileForTest();
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', simulatorProcess, stateFile],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const exited = once(child, 'exit');
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const response = await fetch(`${line.toString().trim()}/v1/models/${flux}`, {
          method: 'POST',
          headers: { authorization: 'Bearer sim-test' },
          body: '{"prompt":"A cat"}',
        });
        return ((await response.json()) as { request_id: string }).request_id;
      }),
    );
    child.kill('SIGKILL');
    await exited;

    const sim = await startSimulator({ stateFile });
    onTestFinished(() => sim.close());
    expect(
      sim
        .ledger()
        .jobs.map(({ id }) => id)
        .sort(),
    ).toEqual(answers.sort());
  });

  it('drops a last line that was cut off, and refuses a file that is damaged elsewhere', async () => {
    const stateFile = stateFileForTest();
    const clock = createTestClock();
    const first = await startTestSimulator({ stateFile, clock });
    const id = await first.submit();
    await first.sim.close();
    appendFileSync(stateFile, '{"job":{"id":"cut');
    const second = await startTestSimulator({ stateFile, clock });
    expect(second.sim.ledger().jobs.map((job) => job.id)).toEqual([id]);
    await second.sim.close();
    writeFileSync(stateFile, `{"job\n${readFileSync(stateFile, 'utf8')}`);
    await expect(startSimulator({ stateFile })).rejects.toThrow(/state file .* is damaged in line 1; delete it/);
  });

  it('holds no token', async () => {
    const stateFile = stateFileForTest();
    const { sim, submit } = await startTestSimulator({ stateFile });
    await submit(flux, { prompt: 'x' }, 'sim-very-secret');
    sim.setBalance('sim-very-secret', 3);
    expect(readFileSync(stateFile, 'utf8')).not.toContain('very-secret');
  });

  it('forgets everything on a reset', async () => {
    const stateFile = stateFileForTest();
    const clock = createTestClock();
    const first = await startTestSimulator({ stateFile, clock });
    await first.submit();
    first.sim.reset();
    await first.sim.close();
    const second = await startTestSimulator({ stateFile, clock });
    expect(second.sim.ledger()).toMatchObject({ jobs: [], totals: { submits: 0 }, wallets: [] });
  });

  it('does not begin its scenario anew', async () => {
    const stateFile = stateFileForTest();
    const first = await startSimulator({ stateFile, scenario: 'lost-reply' });
    const post = (url: string) =>
      fetch(`${url}/models/${flux}`, {
        method: 'POST',
        headers: { authorization: 'Bearer sim-test' },
        body: '{"prompt":"x"}',
      });
    await expect(post(first.modelApiBase)).rejects.toThrow();
    await first.close();
    const second = await startSimulator({ stateFile, scenario: 'lost-reply' });
    onTestFinished(() => second.close());
    expect((await post(second.modelApiBase)).status).toBe(200);
    expect(second.ledger().totals.accepted).toBe(2);
  });
});
