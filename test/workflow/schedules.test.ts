import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createGenerationClient, type NewSchedule, type ScheduleState } from '../../client/index.ts';
import { itemsNamed } from '../support/batches.ts';
import { eventually, untilSeen } from '../support/eventually.ts';
import { taskTimeoutSecondsOf } from '../support/generations.ts';
import { pipelineStack, stillAndClip } from '../support/pipelines.ts';
import { flux } from '../support/simulator-client.ts';
import { onTestFinished } from '../support/test-end.ts';

const dayMs = 24 * 60 * 60 * 1_000;
const limits = { maxPriceUsd: 1, maxCostUsd: 1 };

/** Schedules of one test; what is left of them ends with it. */
async function scheduling() {
  const stack = await pipelineStack();
  const { schedules } = stack.generations;
  const name = `nightly-${randomUUID()}`;
  const until = (isReached: (state: ScheduleState) => boolean, of = name) =>
    untilSeen(async () => {
      const state = await schedules.get(of);
      return isReached(state) ? state : undefined;
    });
  const create = async (schedule: Omit<NewSchedule, 'name'>, of = name) => {
    onTestFinished(() => schedules.delete(of).catch(() => undefined));
    return await schedules.create({ name: of, ...schedule });
  };
  return { ...stack, schedules, name, until, create };
}

describe.concurrent('a schedule', () => {
  it('fires by itself, and on a word, under keys of its own; paused it rests, deleted it leaves what runs alone', async () => {
    const { client, generations, schedules, name, until, create, jobsOf } = await scheduling();
    const order = { generation: { model: flux, input: { prompt: name }, ...limits } };
    const made = await create({ everyMs: 1_000, order, labels: { campaign: name }, priority: 5, tenant: 'night' });
    expect(made).toMatchObject({ name, workflowType: 'runcomfyGeneration', paused: false, overlap: 'skip' });
    expect(made.catchUpMs).toBe(60_000);
    await until(({ recent }) => recent.length > 0);
    expect(await schedules.pause(name, 'for the holidays')).toMatchObject({ paused: true, note: 'for the holidays' });
    // A firing that was under way when it was paused may still come.
    const rested = await until(({ running }) => running.length === 0);
    const triggered = await schedules.trigger(name);
    expect(triggered).toMatchObject({ paused: true, fired: rested.fired + 1 });
    const resumed = await schedules.resume(name, 'they are over');
    expect(resumed).toMatchObject({ paused: false, note: 'they are over' });
    const everySecond = { type: 'InvalidInput', message: expect.stringContaining('pause it first') as unknown };
    await expect(schedules.trigger(name)).rejects.toMatchObject(everySecond);
    const { recent } = await until(({ fired }) => fired > triggered.fired);
    await schedules.delete(name);
    await expect(schedules.get(name)).rejects.toMatchObject({ type: 'KeyNotFound' });

    const keys = recent.map(({ key }) => key);
    for (const key of keys) {
      expect(key).toMatch(new RegExp(`^${name}-\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$`));
      expect((await generations.result(key)).output.images).toHaveLength(1);
    }
    expect(new Set(keys).size).toBe(keys.length);
    const { memo, priority } = await client.workflow.getHandle(keys[0] ?? '').describe();
    expect(memo).toMatchObject({ runcomfyLabels: { campaign: name } });
    expect(priority).toMatchObject({ priorityKey: 5, fairnessKey: 'night' });
    expect(jobsOf(name).length).toBeGreaterThanOrEqual(keys.length);
  });

  it('orders once for each trigger, however many come in a second, or tells which was none', async () => {
    const { client, workers, simulator, schedules, name, create, jobsOf, generations } = await scheduling();
    const order = { generation: { model: flux, input: { prompt: name }, ...limits } };
    await create({ everyMs: dayMs, order });
    simulator.hold();
    const other = createGenerationClient({ client, taskQueue: workers.taskQueue }).schedules;
    const triggers = [schedules, schedules, other, schedules].map((one) => one.trigger(name));
    const lost = (await Promise.allSettled(triggers)).flatMap((each) => (each.status === 'rejected' ? [each] : []));
    for (const { reason } of lost) expect(reason).toMatchObject({ type: 'SubmitOutcomeUnknown', key: name });
    simulator.release();
    // What was not seen to fire in time may fire later.
    await eventually(async () => {
      const { recent, fired } = await schedules.get(name);
      const keys = recent.map(({ key }) => key);
      for (const key of keys) await generations.result(key);
      expect([fired, new Set(keys).size, jobsOf(name).length]).toEqual([keys.length, keys.length, keys.length]);
      expect(keys.length).toBeGreaterThanOrEqual(Math.max(3, triggers.length - lost.length));
    });
  });

  it('orders no second time where it is backfilled over a time for which it has fired', async () => {
    const { client, generations, name, create, jobsOf, simulator } = await scheduling();
    await create({ everyMs: dayMs, order: { generation: { model: flux, input: { prompt: name }, ...limits } } });
    const at = Math.floor(Date.now() / dayMs) * dayMs;
    const key = `${name}-${new Date(at).toISOString().replace('.000', '')}`;
    const fired = new Set<string>();
    const backfill = async () => {
      const period = { start: new Date(at - 1_000), end: new Date(at + 1_000), overlap: 'ALLOW_ALL' } as const;
      await client.schedule.getHandle(name).backfill(period);
      const runId = await untilSeen(async () => {
        const found = await client.workflow.getHandle(key).describe();
        return fired.has(found.runId) ? undefined : found.runId;
      });
      fired.add(runId);
      return await generations.result(key).catch((error: unknown) => error);
    };
    simulator.setBalance('sim-in-process', 0);
    expect(await backfill()).toMatchObject({ type: 'InsufficientBalance', submission: 'refused' });
    simulator.setBalance('sim-in-process', 100);
    // What was refused is made up for; what was paid is not paid again, nor retried.
    expect(await backfill()).toHaveProperty('requestId');
    expect(await backfill()).toMatchObject({
      type: 'InvalidInput',
      submission: 'unknown',
      message: expect.stringContaining('was ordered before') as unknown,
    });
    expect(jobsOf(name)).toHaveLength(1);
  });

  it('starts pipelines and batches as they are started otherwise', async () => {
    const { client, generations, schedules, name, until, create, jobsOf } = await scheduling();
    const film = `${name} film`;
    const stills = `${name} stills`;
    const plan = stillAndClip(name, { maxPriceUsd: 1 });
    await create(
      { cron: '0 8 * * 1-5', timezone: 'Europe/Berlin', order: { pipeline: { plan, maxCostUsd: 9 } } },
      film,
    );
    const items = itemsNamed(name, 2);
    const batch = { items, defaults: { model: flux, maxPriceUsd: 1 }, maxCostUsd: 9 };
    await create({ everyMs: dayMs, jitterMs: 60_000, overlap: 'buffer-one', order: { batch } }, stills);
    for (const each of [film, stills]) await schedules.trigger(each);
    const keyOf = async (of: string) => (await until(({ recent }) => recent.length > 0, of)).recent[0]?.key ?? '';
    expect(await generations.pipelines.result(await keyOf(film))).toMatchObject({ phase: 'succeeded' });
    expect(await taskTimeoutSecondsOf(client, await keyOf(film))).toBe(30);
    expect(await generations.batches.result(await keyOf(stills))).toMatchObject({ phase: 'succeeded' });
    expect(
      [jobsOf(`${name} still`), jobsOf(`${name} clip`), jobsOf(items[0]?.id ?? '')].map((jobs) => jobs.length),
    ).toEqual([1, 1, 1]);
    await eventually(async () => {
      const listed: string[] = [];
      for await (const { name: each } of schedules.list()) if (each.startsWith(name)) listed.push(each);
      expect(listed.sort()).toEqual([film, stills]);
    });
    await expect(create({ everyMs: dayMs, order: { batch } }, stills)).rejects.toMatchObject({ type: 'KeyInUse' });
  });

  it('that cannot be carried out is refused, with all that is wrong with it at once', async () => {
    const { schedules, name } = await scheduling();
    const wrong = {
      name,
      everyMs: 5,
      cron: '@daily',
      timezone: 'Nowhere/Here',
      jitterMs: -1,
      catchUpMs: 1,
      overlap: 'cancel-other' as 'skip',
      until: new Date(0),
      labels: { 'a=b': 'x' },
      priority: 9 as 5,
      order: { generation: { model: 'no model', input: {} } },
    };
    const paths = ['everyMs', 'jitterMs', 'catchUpMs', 'cron', 'timezone', 'overlap', 'until'];
    await expect(schedules.create(wrong)).rejects.toMatchObject({
      type: 'InvalidInput',
      submission: 'not_sent',
      issues: expect.arrayContaining(
        [...paths, 'request.model', 'label.a=b', 'priority'].map(
          (path) => expect.objectContaining({ path }) as unknown,
        ),
      ) as unknown,
    });
    const order = { generation: { model: flux, input: { prompt: name } } };
    const every = { name, everyMs: dayMs };
    await expect(schedules.create({ ...every, order })).rejects.toThrow('give maxCostUsd, or a budget');
    const misspelt = { generation: { ...order.generation, budgets: [`no-${name}`] } };
    await expect(schedules.create({ ...every, order: misspelt })).rejects.toThrow('no open budget');
    const open = { batch: { keepOpen: true, maxCostUsd: 1 } };
    await expect(schedules.create({ ...every, order: open })).rejects.toThrow('carries its items');
    const longest = 255 - `${name}-2026-11-26T06:39:51Z/`.length;
    const items = [longest, longest + 1].map((length) => ({ id: 'x'.repeat(length), input: { prompt: name } }));
    const named = { batch: { items, defaults: { model: flux }, maxCostUsd: 1 } };
    const tooLong = { issues: [expect.objectContaining({ path: '$[1].id' }) as unknown] };
    await expect(schedules.create({ ...every, order: named })).rejects.toMatchObject(tooLong);
    await expect(schedules.get(name)).rejects.toMatchObject({ type: 'KeyNotFound' });
    for (const act of [schedules.pause, schedules.resume, schedules.trigger, schedules.delete]) {
      await expect(act(name)).rejects.toMatchObject({ type: 'KeyNotFound' });
    }
  });
});
