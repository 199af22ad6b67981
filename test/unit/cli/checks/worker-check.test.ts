import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Client } from '@temporalio/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkWalls } from '../../../../cli/checks/health-checks.ts';
import { checkQueue, checkSubmits } from '../../../../cli/checks/worker-check.ts';
import { commandInProcess } from '../../../support/command-in-process.ts';
import { root } from '../../../support/docs.ts';

const now = Date.parse('2026-01-01T12:00:00Z');
const poller = (secondsAgo: number, version?: string) => ({
  identity: `worker-${String(secondsAgo)}`,
  lastSeenAt: new Date(now - secondsAgo * 1_000),
  ...(version !== undefined && { version }),
});
const check = (queue: Parameters<typeof checkQueue>[2]) => checkQueue('workers', 'runcomfy', queue, now);

describe('what doctor says of a task queue', () => {
  it('is well where the version that gets new work is run', () => {
    expect(check({ pollers: [poller(5)] })).toMatchObject({ status: 'ok' });
    expect(check({ pollers: [poller(5, 'd.2')], currentVersion: 'd.2' })).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('version d.2 is current') as string,
    });
  });

  it('is that nobody polls, also while the server still lists who has stopped', () => {
    expect(check({ pollers: [] })).toMatchObject({ status: 'failed', exitCode: 69 });
    const message = expect.stringContaining('200 s ago') as string;
    expect(check({ pollers: [poller(200), poller(280)] })).toMatchObject({ status: 'failed', message });
  });

  it('is the version that gets new work and that nobody runs, or runs any more, with a command that works', () => {
    const message = expect.stringContaining('version d.1, which nobody runs') as string;
    const fix = '`temporal worker deployment set-current-version --deployment-name d --build-id 2 --yes`';
    const pollers = [poller(5, 'd.2'), poller(200, 'd.1')];
    expect(check({ pollers, currentVersion: 'd.1' })).toMatchObject({ status: 'failed', message, fix });
    expect(check({ pollers: [poller(5, 'd.a b')], currentVersion: 'd.1' })).toMatchObject({
      fix: "`temporal worker deployment set-current-version --deployment-name d --build-id 'a b' --yes`",
    });
    expect(check({ pollers: [poller(5, 'd.2')] })).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('workers without a version') as string,
    });
  });

  it('is the version that gets a share of new work and that nobody runs', () => {
    const pollers = [poller(5, 'd.1')];
    const ramping = { version: 'd.2', percentage: 10 };
    const message = expect.stringContaining('10 % of new work goes to version d.2') as string;
    expect(check({ pollers, currentVersion: 'd.1', ramping })).toMatchObject({ status: 'failed', message });
    const both = [...pollers, poller(5, 'd.2')];
    expect(check({ pollers: both, currentVersion: 'd.1', ramping })).toMatchObject({ status: 'ok' });
  });
});

describe('what doctor says of orders', () => {
  /** A server that shares a queue out over so many partitions, and keeps so many orders a second for its workers. */
  const flowOf = (partitions: number, perSecond?: number) => {
    const effectiveRateLimit = perSecond === undefined ? {} : { rateLimitSource: 2, requestsPerSecond: perSecond };
    const workflowService = {
      updateTaskQueueConfig: () => Promise.resolve({}),
      describeTaskQueue: () => Promise.resolve({ effectiveRateLimit, stats: {} }),
      listTaskQueuePartitions: () =>
        Promise.resolve({ activityTaskQueuePartitions: new Array<object>(partitions).fill({}) }),
    };
    const client = { options: { namespace: 'default' }, workflowService } as unknown as Client;
    return checkSubmits({ client }, 'films');
  };

  it('is that a limit of rate over more than one partition is not reached, and what sets it right', async () => {
    expect(await flowOf(4, 2)).toEqual({
      check: 'submits',
      status: 'warning',
      message:
        'orders go out, at most 2 a second, but the server splits "films-submit" into 4 partitions: a low limit is not reached, and who is urgent waits with the others',
      fix: 'give the server matching.numTaskqueueReadPartitions and matching.numTaskqueueWritePartitions of 1 for "films-submit", as deploy/temporal/dynamic-config.yaml does',
    });
    expect(await flowOf(2, 2)).toMatchObject({ status: 'warning' });
  });

  it('is nothing to mend with one partition, or where there is no limit', async () => {
    expect(await flowOf(1, 2)).toEqual({
      check: 'submits',
      status: 'ok',
      message: 'orders go out, at most 2 a second',
    });
    expect(await flowOf(4)).toMatchObject({ status: 'ok', message: 'orders go out, without a limit of rate' });
  });
});

describe('what doctor says of orders that wait at a wall', () => {
  /** A server that lists these running generations, which answer so; one that is told nothing cannot be asked. */
  function serverWith(states: Record<string, { phase: string; wall?: object } | undefined>) {
    const executions = Object.keys(states).map((workflowId) => ({
      execution: { workflowId, runId: 'run' },
      type: { name: 'runcomfyGeneration' },
      status: 1,
    }));
    const queries: string[] = [];
    const workflowService = {
      listWorkflowExecutions: ({ query }: { query: string }) => {
        queries.push(query);
        return Promise.resolve({ executions, nextPageToken: new Uint8Array() });
      },
      describeWorkflowExecution: ({ execution: { workflowId } }: { execution: { workflowId: string } }) =>
        Promise.resolve({
          workflowExecutionInfo: executions.find(({ execution }) => execution.workflowId === workflowId),
          pendingActivities: [],
        }),
    };
    const query = (key: string) =>
      states[key] ? Promise.resolve(states[key]) : Promise.reject(new Error('it cannot be read'));
    const client = {
      options: { namespace: 'default' },
      workflowService,
      workflow: { getHandle: (key: string) => ({ query: () => query(key) }) },
      withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
      withAbortSignal: <T>(_signal: AbortSignal, call: () => Promise<T>) => call(),
    } as unknown as Client;
    return { queries, check: () => checkWalls({ client, address: 'here' } as Parameters<typeof checkWalls>[0]) };
  }
  const wallOf = (type: string) => ({
    phase: 'submitting',
    wall: { type, message: 'no', since: '2026-01-01T12:00:00Z', refusals: 3, nextTryAt: '2026-01-01T12:05:00Z' },
  });

  it('is nothing where none waits, or only for its turn', async () => {
    expect(await serverWith({}).check()).toMatchObject({ check: 'orders', status: 'ok' });
    const { check, queries } = serverWith({ turn: { phase: 'submitting' } });
    expect(await check()).toMatchObject({ check: 'orders', status: 'ok' });
    expect(queries[0]).toContain('ExecutionStatus = "Running"');
  });

  it.each([
    ['InsufficientBalance', 'a filled wallet', 'top up the wallet'],
    ['Unauthenticated', 'a valid token', 'a valid token'],
    ['BudgetExceeded', 'room in a budget', '`runcomfy-temporal budget set`'],
  ])('is what the first waits for and what to do: %s', async (type, wants, fix) => {
    expect(await serverWith({ alone: wallOf(type) }).check()).toEqual({
      check: 'orders',
      status: 'warning',
      message: `generation alone waits for ${wants} since 2026-01-01T12:00:00Z: no`,
      fix: expect.stringContaining(fix) as string,
    });
  });

  it('is how many wait beside it; one that cannot be asked counts as none', async () => {
    const states = { mute: undefined, first: wallOf('Unauthenticated'), turn: { phase: 'submitting' } };
    const { check } = serverWith({ ...states, second: wallOf('InsufficientBalance') });
    expect((await check()).message).toMatch(/^generation first and 1 more waits for a valid token/);
  });
});

describe('doctor ends soon', () => {
  it.each([
    ['answers no call', undefined],
    ['is without its database', '14'],
  ])('where Temporal lets connect and %s', async (_what, status) => {
    const calls: Record<string, (string | undefined)[]> = {};
    const address = await startTemporal(status, calls);
    const { exitCode, stdout } = await commandInProcess(['doctor', '--output', 'json'], {
      HOME: root,
      TEMPORAL_ADDRESS: address,
      RUNCOMFY_NEXUS: 'on',
    });
    const { checks } = JSON.parse(stdout) as { checks: { check: string; status: string }[] };
    expect(exitCode).toBe(69);
    expect(checks).toContainEqual(expect.objectContaining({ check: 'temporal', status: 'failed' }));
    // Nothing is repeated, which takes most of a minute, and nothing may take longer than what is left.
    expect(calls['DescribeNamespace']?.length).toBeLessThanOrEqual(2);
    expect(calls).toHaveProperty('ListNexusEndpoints');
    const limits = Object.values(calls).flat().map(limitMs);
    expect(limits.length).toBeGreaterThan(5);
    expect(Math.max(...limits)).toBeLessThanOrEqual(12_000);
  });
});

/** A deadline as gRPC writes it; none is no limit. */
function limitMs(header = ''): number {
  const [, count = '', unit = ''] = /^(\d+)([mSM])$/.exec(header) ?? [];
  return count === '' ? Infinity : Number(count) * ({ m: 1, S: 1_000, M: 60_000 }[unit] ?? Infinity);
}

/** A server that answers the first call of a connection; every other one with this status, or not at all. */
async function startTemporal(
  status: string | undefined,
  calls: Record<string, (string | undefined)[]>,
): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  server.on('stream', (stream, headers) => {
    const name = String(headers[':path']).split('/').at(-1) ?? '';
    (calls[name] ??= []).push(headers['grpc-timeout']?.toString());
    const code = name === 'GetSystemInfo' ? '0' : status;
    if (code === undefined) return;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => {
      stream.sendTrailers({ 'grpc-status': code });
    });
    stream.end(code === '0' ? Buffer.alloc(5) : undefined);
  });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}
