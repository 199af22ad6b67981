import { expect, it } from 'vitest';
import type { PipelinePreview } from '../../../client/index.ts';
import type { ItemState, StepState } from '../../../domain/pipeline/pipeline-run.ts';
import { pipelineStack, toldState } from '../../support/pipelines.ts';
import { flux, kling } from '../../support/simulator-client.ts';

const film = (name: string, { stills = ['a', 'b', 'c'], seconds = 5 } = {}) => ({
  version: 1,
  steps: {
    still: { model: flux, forEach: stills, input: { prompt: `${name} still \${{ item }}` } },
    clip: {
      model: kling,
      forEach: '${{ steps.still.images }}',
      input: { prompt: `${name} clip`, start_image_url: '${{ item }}', duration: 5 },
    },
    title: {
      model: kling,
      input: { prompt: `${name} title`, start_image_url: '${{ steps.still.images[0] }}', duration: seconds },
    },
  },
});

const ordered = ({ orders }: PipelinePreview) => orders.filter(({ decision }) => decision === 'order');

it('a dry run says exactly what the run then orders, why, and what it costs', async () => {
  const { pipelines, simulator, key: newKey } = await pipelineStack();
  const key = newKey();
  const jobs = () => simulator.ledger().jobs;
  const edits = [
    film(key),
    film(key, { stills: ['a', 'edited', 'c'] }),
    film(key, { stills: ['a', 'edited', 'c'], seconds: 8 }),
  ];
  const reasons = [
    ['new', 'new', 'new', 'source still will be ordered', 'source still will be ordered'],
    ['input changed: $.prompt', 'source still will be ordered'],
    ['input changed: $.duration'],
  ];
  for (const [at, plan] of edits.entries()) {
    const rerun = at > 0;
    const before = jobs().length;
    const told = await pipelines.preview({ plan }, { key, rerun });
    expect(jobs()).toHaveLength(before);
    const result = await (await pipelines.start({ plan }, { key, rerun })).result();
    const billed = jobs().slice(before);
    expect(billed).toHaveLength(told.ordered);
    expect([...new Set(ordered(told).map(({ reason }) => reason))]).toEqual([...new Set(reasons[at])]);
    const perModel = (models: (string | undefined)[]) => models.sort();
    expect(perModel(billed.map(({ model }) => model))).toEqual(perModel(ordered(told).map(({ model }) => model)));
    const known = ordered(told).flatMap(({ key: order }) => order ?? []);
    const { steps } = await toldState(await pipelines.get(key));
    const made = steps.flatMap((step): (StepState | ItemState)[] => step.items ?? [step]);
    expect(made.filter(({ reused }) => !reused).map((order) => order.key)).toEqual(expect.arrayContaining(known));
    expect(made.filter(({ reused }) => reused)).toHaveLength(told.reused);
    if (told.totalUsd !== null) expect(result.costUsd).toBeCloseTo(told.totalUsd, 6);
  }
  const unchanged = await pipelines.preview({ plan: edits[2] ?? {} }, { key, rerun: true });
  expect(unchanged).toMatchObject({ ordered: 0, reused: 7, totalUsd: 0 });
  expect(await pipelines.preview({ plan: edits[2] ?? {} }, { key })).toMatchObject({ attached: true, orders: [] });
  await expect(pipelines.preview({ plan: edits[0] ?? {} }, { key })).rejects.toMatchObject({ type: 'KeyInUse' });
});

it('a dry run weighs what is missing by the limit, and the start that it tells of succeeds within it', async () => {
  const { pipelines, simulator, key: newKey } = await pipelineStack();
  const key = newKey();
  const planWith = (prompt: string) => ({
    version: 1,
    steps: {
      clip: { model: kling, input: { prompt, start_image_url: 'https://files.example.com/a.png', duration: 5 } },
    },
  });
  const plan = planWith(`${key} a`);
  const [limited, edited] = [
    { plan, maxCostUsd: 0.01 },
    { plan: planWith(`${key} b`), maxCostUsd: 0.01 },
  ];
  await expect(pipelines.preview(limited, { key })).rejects.toMatchObject({ type: 'InvalidInput' });
  await (await pipelines.start({ plan }, { key })).result();
  const { jobs } = simulator.ledger();
  expect(await pipelines.preview(limited, { key })).toMatchObject({ attached: true });
  expect(await pipelines.preview(limited, { key, rerun: true })).toMatchObject({ attached: false, totalUsd: 0 });
  await expect(pipelines.preview(edited, { key, rerun: true })).rejects.toMatchObject({
    type: 'InvalidInput',
    issues: [{ path: '$.steps', message: expect.stringContaining('and maxCostUsd is 0.01') as string }],
  });
  const again = await (await pipelines.start(limited, { key, rerun: true })).result();
  expect(again).toMatchObject({ phase: 'succeeded', costUsd: 0, steps: { clip: { reused: true } } });
  expect(simulator.ledger().jobs).toHaveLength(jobs.length);
});
