import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { addCosts } from '../../cli/commands/costs.ts';
import { addList } from '../../cli/commands/list.ts';
import { type CostReport, createGenerationClient, type GenerationClient, type ListScope } from '../../client/index.ts';
import { checkBatch, itemsNamed } from '../support/batches.ts';
import { commandOn } from '../support/command-on.ts';
import { eventually } from '../support/eventually.ts';
import { connectClient, connectToOwnNamespace } from '../support/generation-stack.ts';
import { checkPipeline, pipelineStack, stillAndClip, toldState } from '../support/pipelines.ts';
import { flux, kling } from '../support/simulator-client.ts';

async function keysOf(list: AsyncIterable<{ key: string }>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of list) keys.push(key);
  return keys.sort();
}

const generationsIn = ({ list }: GenerationClient, scope: ListScope) => keysOf(list({ ...scope, limit: Infinity }));

const today = () => new Date().toISOString().slice(0, 10);

describe.concurrent('labels', () => {
  it('go with all that an order leads to, and costs are told by them, each request once', async () => {
    const stack = await pipelineStack();
    const { client, generations, pipelines, simulator } = stack;
    const campaign = `autumn ${randomUUID()}`;
    const labels = { campaign, team: 'film' };
    const name = stack.key();
    const day = today();
    const single = await generations.start({ model: flux, input: { prompt: name } }, { key: `${name} single`, labels });
    const pipeline = await pipelines.start({ plan: stillAndClip(name) }, { key: `${name} pipeline`, labels });
    const items = itemsNamed(name, 2);
    const batch = await generations.batches.start(
      { items, defaults: { model: flux } },
      { key: `${name} batch`, labels: { campaign, team: 'stills' } },
    );
    await generations.start({ model: flux, input: { prompt: `${name} other` } }, { key: `${name} unlabelled` });
    const again = (given?: Record<string, string>) =>
      generations.start({ model: flux, input: { prompt: name } }, { key: single.key, ...(given && { labels: given }) });
    expect((await again({ team: 'film', campaign })).notices).toEqual([]);
    expect((await again()).notices).toEqual([]);
    const other = (await again({ campaign, team: 'else' })).notices;
    expect(other).toEqual([expect.stringContaining('with the labels that it was started with') as unknown]);
    const manyAgain = async (teams: { ofPipeline: string; ofBatch: string }) => {
      const ofPipeline = { key: pipeline.key, labels: { campaign, team: teams.ofPipeline } };
      const ofBatch = { key: batch.key, labels: { campaign, team: teams.ofBatch } };
      return [
        ...(await pipelines.start({ plan: stillAndClip(name) }, ofPipeline)).notices,
        ...(await generations.batches.start({ items, defaults: { model: flux } }, ofBatch)).notices,
      ];
    };
    expect(await manyAgain({ ofPipeline: 'film', ofBatch: 'stills' })).toEqual([]);
    const othersOfMany = [pipeline, batch].map(({ key }) => other[0]?.replace(single.key, key));
    expect(await manyAgain({ ofPipeline: 'else', ofBatch: 'else' })).toEqual(othersOfMany);
    const { requestId } = await single.result();
    expect((await again({ campaign, team: 'else' })).notices).toEqual(other);
    await Promise.all([pipeline.result(), batch.result()]);
    const adopted = { key: `${name} adopted`, labels };
    await (await generations.start({ model: flux, requestId }, adopted)).result();

    const { steps } = await toldState(pipeline);
    const ofSteps = steps.map(({ key = '' }) => key);
    const ofItems = items.map(({ id }) => `${batch.key}/${id}`);
    const all = [single.key, adopted.key, ...ofSteps, ...ofItems].sort();
    await eventually(async () => {
      expect(await generationsIn(generations, { labels: { campaign } })).toEqual(all);
    });
    expect(await generationsIn(generations, { labels: { campaign, team: 'stills' } })).toEqual(ofItems.sort());
    expect(await generationsIn(generations, { labels: { team: 'film' }, keyPrefix: `${name} ` })).toHaveLength(4);
    expect(await generationsIn(generations, { labels: { campaign }, until: new Date(0) })).toEqual([]);
    await eventually(async () => {
      expect(await keysOf(pipelines.list({ labels: { campaign }, since: new Date(0) }))).toEqual([pipeline.key]);
      expect(await keysOf(generations.batches.list({ labels: { campaign } }))).toEqual([batch.key]);
    });

    const billed = simulator.ledger().jobs.filter(({ input }) => !String(input['prompt']).endsWith('other'));
    expect(billed).toHaveLength(5);
    const sum = billed.reduce((total, { chargedUsd }) => total + chargedUsd, 0);
    // A list may know of an end later than whoever waited for it.
    await eventually(async () => {
      const report = await generations.costs({ by: 'label:team', labels: { campaign } });
      expect(report.total).toMatchObject({ requests: 5, priced: 5, unknown: 0, open: 0 });
      expect(report.total.costUsd).toBeCloseTo(sum, 6);
      expect(report.rows.map(({ group, requests }) => [group, requests])).toEqual([
        ['film', 3],
        ['stills', 2],
      ]);
    });
    const byDay = await generations.costs({ by: 'day', labels: { campaign }, since: new Date(`${day}T00:00Z`) });
    expect(byDay).toMatchObject({ by: 'day', since: `${day}T00:00:00.000Z` });
    // The day may end meanwhile.
    expect([day, today()]).toEqual(expect.arrayContaining(byDay.rows.map(({ group }) => group)));
    expect(byDay.rows.reduce((requests, row) => requests + row.requests, 0)).toBe(5);

    const byModel = new Map<string, number>();
    for (const { model } of billed) byModel.set(model, (byModel.get(model) ?? 0) + 1);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const ofCampaign = ['--label', `campaign=${campaign}`, '--since', '1d', '--until', tomorrow, '--output', 'json'];
    const costs = await commandOn(addCosts, ['costs', '--by', 'model', ...ofCampaign], { generations });
    const { rows } = JSON.parse(costs.stdout) as CostReport;
    expect(Object.fromEntries(rows.map(({ group, requests }) => [group, requests]))).toEqual(
      Object.fromEntries(byModel),
    );
    expect([...byModel.keys()].sort()).toEqual([flux, kling].sort());
    expect(rows.reduce((total, { costUsd }) => total + costUsd, 0)).toBeCloseTo(sum, 6);
    const list = (...args: string[]) =>
      commandOn(addList, ['list', '--output', 'pretty', '--key-prefix', `${name} si`, ...args], { generations });
    const [heading = '', row = '', ...further] = (await list('--since', '1d')).stdout.trim().split('\n');
    expect(heading).toMatch(/^KEY +PHASE +AGE +COST +MODEL/);
    expect(row).toMatch(new RegExp(`^${single.key} +succeeded +\\d+:\\d\\d +\\$0\\.01 +${flux} `));
    expect(further).toEqual([]);
    for (const never of [
      ['--until', '2001-01-01'],
      ['--since', tomorrow],
    ])
      expect((await list(...never)).stdout).toBe('no generations\n');
    await checkPipeline(client, pipeline);
    await checkBatch({ ...stack, batches: generations.batches }, batch);
  });

  it('are found before any worker, and where the server knows no attribute for them', async () => {
    for (const attributes of [undefined, []]) {
      const client = await connectToOwnNamespace(attributes);
      const generations = createGenerationClient({ client, taskQueue: `nowhere-${randomUUID()}` });
      const labels = { campaign: randomUUID() };
      await generations.start({ model: flux, input: { prompt: 'x' } }, { key: 'labelled', labels });
      await generations.start({ model: flux, input: { prompt: 'y' } }, { key: 'unlabelled' });
      await eventually(async () => {
        expect(await generationsIn(generations, { labels })).toEqual(['labelled']);
        expect(await generationsIn(generations, {})).toEqual(['labelled', 'unlabelled']);
      });
      await client.workflow.getHandle('labelled').terminate();
      await client.workflow.getHandle('unlabelled').terminate();
    }
  });

  it('that cannot be any are refused before anything is sent, all that is wrong at once', async () => {
    const generations = createGenerationClient({ client: await connectClient() });
    const labels = { 'a=b': 'x', c: '"' };
    const issues = [{ path: 'label.a=b' }, { path: 'label.c' }];
    const key = randomUUID();
    const refused = { type: 'InvalidInput', submission: 'not_sent', issues };
    await expect(generations.start({ model: flux, input: { prompt: 'x' } }, { key, labels })).rejects.toMatchObject(
      refused,
    );
    await expect(generations.pipelines.start({ plan: stillAndClip('x') }, { key, labels })).rejects.toMatchObject(
      refused,
    );
    await expect(
      generations.batches.start({ items: itemsNamed('x', 1), defaults: { model: flux } }, { key, labels }),
    ).rejects.toMatchObject(refused);
    await expect(generations.get(key)).rejects.toMatchObject({ type: 'KeyNotFound' });
  });
});
