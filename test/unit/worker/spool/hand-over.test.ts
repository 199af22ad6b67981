import { ActivityCancelledError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { fails, handOverTo, kept, signal, type Temporal, until } from './hand-over-rig.ts';

describe('handing over a request id', () => {
  it('is done once Temporal has acknowledged the heartbeat that carries it', async () => {
    const { handOver, spool, journal, calls } = await handOverTo({});
    await handOver.keep(kept);
    expect(calls).toEqual([{ heartbeatDetails: kept.heartbeatDetails }]);
    expect(await spool.list()).toEqual([]);
    expect(await journal.find(kept)).toMatchObject({ requestId: 'request-1' });
  });

  it('takes the news of a cancel for an acknowledgement', async () => {
    const { handOver, spool, signals } = await handOverTo({
      heartbeat: () => {
        throw new ActivityCancelledError('cancelled');
      },
    });
    await handOver.keep(kept);
    expect(signals()).toEqual([]);
    expect(await spool.list()).toEqual([]);
  });

  it('goes by signal where the activity is gone, to the run that is under way in its own chain', async () => {
    const { handOver, spool, signals } = await handOverTo({ heartbeat: fails('activity not found') });
    await handOver.keep(kept);
    await until(() => signals().length > 0);
    expect(signals()).toEqual([signal]);
    await until(async () => (await spool.list()).length === 0);
  });

  it('keeps the id on the disk while Temporal is away, and hands it over once it is back', async () => {
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const { handOver, spool, signals } = await handOverTo(temporal);
    await handOver.keep(kept);
    await until(() => signals().length > 0);
    expect(await spool.list()).toMatchObject([{ requestId: 'request-1', workflowId: 'generation-1' }]);
    const inVain = signals().length;
    delete temporal.signal;
    await until(async () => (await spool.list()).length === 0);
    expect(signals()).toEqual(Array(inVain + 1).fill(signal));
  });

  it('tries once more before the worker ends', async () => {
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const { handOver, spool, signals } = await handOverTo(temporal);
    await handOver.keep(kept);
    await until(() => signals().length > 0);
    delete temporal.signal;
    await handOver.stop();
    expect(signals()).toEqual([signal, signal]);
    expect(await spool.list()).toEqual([]);
  });

  it('keeps no worker that ends waiting for a Temporal that does not answer', async () => {
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const { handOver, spool, signals } = await handOverTo(temporal);
    await handOver.keep(kept);
    await until(() => signals().length > 0);
    temporal.signal = () => new Promise(() => undefined);
    await handOver.stop();
    expect(await spool.list()).toMatchObject([{ requestId: 'request-1' }]);
    delete temporal.signal;
  });

  it('hands over what an earlier worker left behind', async () => {
    const { handOver, spool, signals } = await handOverTo({});
    const { workflowId, firstExecutionRunId, requestId } = kept;
    await spool.put({ workflowId, firstExecutionRunId, requestId, acceptedAt: '2026-11-01T00:00:00.000Z' });
    await handOver.drain();
    expect(signals()).toEqual([signal]);
    expect(await spool.list()).toEqual([]);
  });

  it('keeps the id of a generation that has closed, says so, and does not try for ever', async () => {
    const { handOver, spool, signals, log } = await handOverTo({
      heartbeat: fails('activity not found'),
      latest: { status: 'FAILED', firstRunId: 'first-run' },
    });
    await handOver.keep(kept);
    await until(() => log().includes('kept in the spool'));
    await handOver.drain();
    expect(signals()).toEqual([]);
    expect(log().match(/kept in the spool/g)).toHaveLength(1);
    expect(await spool.list()).toMatchObject([{ requestId: 'request-1' }]);
    expect(log()).toContain('request-1');
  });

  it('goes by signal to a generation that is paused, which is open', async () => {
    const { handOver, spool, signals } = await handOverTo({
      heartbeat: fails('activity not found'),
      latest: { status: 'PAUSED', firstRunId: 'first-run' },
    });
    await handOver.keep(kept);
    await until(async () => (await spool.list()).length === 0);
    expect(signals()).toEqual([signal]);
  });

  it('forgets the id of a generation that has closed and knows it', async () => {
    const { handOver, spool, signals } = await handOverTo({
      heartbeat: fails('away'),
      latest: { status: 'FAILED', firstRunId: 'first-run' },
      inHistory: '{"requestId":"request-1"}',
    });
    await handOver.keep(kept);
    await until(async () => (await spool.list()).length === 0);
    expect(signals()).toEqual([]);
  });

  it('offers the id to no other generation that has the same key', async () => {
    const { handOver, spool, signals, log } = await handOverTo({
      heartbeat: fails('activity not found'),
      latest: { status: 'RUNNING', firstRunId: 'another-first-run' },
    });
    await handOver.keep(kept);
    await until(() => log().includes('kept in the spool'));
    expect(signals()).toEqual([]);
    expect(await spool.list()).toMatchObject([{ requestId: 'request-1' }]);
  });

  it('leaves the ids of another server or namespace to a worker there', async () => {
    const { handOver, spool, signals, log } = await handOverTo({});
    const { workflowId, firstExecutionRunId, requestId } = kept;
    const acceptedAt = '2026-11-01T00:00:00.000Z';
    const ids = { workflowId, firstExecutionRunId, requestId, acceptedAt };
    await spool.put({ ...ids, namespace: 'default', namespaceId: 'namespace-of-another-server' });
    await handOver.drain();
    expect(signals()).toEqual([]);
    expect(log()).toContain('another server or namespace');
    expect(await spool.list()).toHaveLength(1);
  });

  it('writes down whose workflow an id belongs to', async () => {
    const { handOver, spool } = await handOverTo({ heartbeat: fails('away'), signal: fails('away') });
    await handOver.drain();
    await handOver.keep(kept);
    expect(await spool.list()).toMatchObject([{ namespace: 'default', namespaceId: 'namespace-1' }]);
  });

  it('goes on without a disk to write to: the id is acknowledged, or sent again and again', async () => {
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const { handOver, signals, log } = await handOverTo(temporal, { isSpoolBroken: true });
    await handOver.keep(kept);
    expect(log()).toContain('RUNCOMFY_STATE_DIR');
    await until(() => signals().length > 0);
    const inVain = signals().length;
    delete temporal.signal;
    await until(() => log().includes('request id handed over by signal'));
    expect(signals()).toEqual(Array(inVain + 1).fill(signal));
  });

  it('names an id that the spool does not keep once the worker has ended', async () => {
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const { handOver, signals, log } = await handOverTo(temporal, { isSpoolBroken: true });
    await handOver.keep(kept);
    await until(() => signals().length > 0);
    await handOver.stop();
    expect(log().split('\n')).toContainEqual(expect.stringMatching(/"request-1".*neither handed over nor spooled/));
  });
});
