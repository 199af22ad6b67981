import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ListedSchedule } from '../../client/index.ts';
import { itemsNamed } from '../support/batches.ts';
import { commandInProcess } from '../support/command-in-process.ts';
import { eventually, untilSeen } from '../support/eventually.ts';
import { type PipelineStack, pipelineStack, stillAndClip } from '../support/pipelines.ts';
import { flux } from '../support/simulator-client.ts';
import { onTestFinished } from '../support/test-end.ts';

let stack: PipelineStack;

beforeEach(async () => {
  stack = await pipelineStack();
});

/** Runs `schedule …`; its standard output is one JSON document. */
async function schedule(args: string[], typed = '', token?: 'no token') {
  const env = {
    RUNCOMFY_TASK_QUEUE: stack.workers.taskQueue,
    RUNCOMFY_MODEL_API_BASE: stack.simulator.modelApiBase,
    RUNCOMFY_API_TOKEN: token === undefined ? 'sim-in-process' : undefined,
  };
  const at = args.includes('--') ? args.indexOf('--') : args.length;
  const line = ['schedule', ...args.slice(0, at), '--output', 'json', ...args.slice(at)];
  const { exitCode, stdout, stderr } = await commandInProcess(line, env, typed);
  return { exitCode, document: JSON.parse(stdout) as unknown, stderr };
}

/** A name of its own; the schedule of it ends with the test. */
function newName(kind: string): string {
  const name = `${kind}-${randomUUID()}`;
  onTestFinished(() => stack.generations.schedules.delete(name).catch(() => undefined));
  return name;
}

/** Fires a schedule once, and gives the key of what it has started. */
async function trigger(name: string): Promise<string> {
  // A server that has much else to do may show the firing after the command has given up looking for it: it comes all the same.
  expect([0, 75]).toContain((await schedule(['trigger', name])).exitCode);
  return await untilSeen(async () => (await stack.generations.schedules.get(name)).recent[0]?.key);
}

async function fileOf(text: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'runcomfy-schedule-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'file');
  await writeFile(file, text);
  return file;
}

const linesOf = (items: object[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');
const generate = (name: string, ...more: string[]) => [
  '--',
  'generate',
  flux,
  '--input',
  JSON.stringify({ prompt: name }),
  '--max-price',
  '1',
  ...more,
];

describe('the command line of schedules', () => {
  it('orders a generation as generate does, once for each firing; rests, goes on and ends at a word', async () => {
    const name = newName('still');
    const who = ['--priority', '5', '--tenant', 'night', '--label', `campaign=${name}`];
    const made = await schedule(['create', name, '--every', '1d', ...generate(name, '--max-cost', '1', ...who)]);
    expect(made).toMatchObject({
      exitCode: 0,
      document: { name, workflowType: 'runcomfyGeneration', paused: false, overlap: 'skip', catchUpMs: 60_000 },
    });
    const key = await trigger(name);
    expect(key).toMatch(new RegExp(`^${name}-\\d{4}-\\d\\d-\\d\\dT[\\d:]{8}Z$`));
    expect((await stack.generations.result(key)).output.images).toHaveLength(1);
    expect(stack.jobsOf(name)).toHaveLength(1);
    const { memo, priority } = await stack.client.workflow.getHandle(key).describe();
    expect(memo).toMatchObject({ runcomfyLabels: { campaign: name } });
    expect(priority).toMatchObject({ priorityKey: 5, fairnessKey: 'night' });

    const paused = await schedule(['pause', name, '--reason', 'for the holidays']);
    expect(paused).toMatchObject({ exitCode: 0, document: { paused: true, note: 'for the holidays' } });
    expect((await schedule(['show', name])).document).toMatchObject({ name, paused: true, recent: [{ key }] });
    await eventually(async () => {
      const { schedules } = (await schedule(['list'])).document as { schedules: ListedSchedule[] };
      expect(schedules.find((each) => each.name === name)).toMatchObject({ paused: true });
    });
    expect((await schedule(['resume', name])).document).toMatchObject({ paused: false, fired: 1 });
    const again = await schedule(['create', name, '--every', '1d', ...generate(name, '--max-cost', '1')]);
    expect(again).toMatchObject({ exitCode: 65, document: { error: { type: 'KeyInUse' } } });
    expect(await schedule(['delete', name])).toMatchObject({ exitCode: 0, document: { name } });
    for (const word of ['show', 'pause', 'resume', 'trigger', 'delete']) {
      const gone = await schedule([word, name]);
      expect(gone).toMatchObject({ exitCode: 66, document: { error: { type: 'KeyNotFound' } } });
    }
    expect(stack.jobsOf(name)).toHaveLength(1);
  });

  it('orders a pipeline, and a batch of standard input, as their own commands do', async () => {
    const [film, stills] = [newName('film'), newName('stills')];
    const plan = { ...stillAndClip(''), params: { scene: { type: 'string' } } };
    const { still } = plan.steps;
    const file = await fileOf(
      JSON.stringify({ ...plan, steps: { still: { ...still, input: { prompt: '${{ params.scene }}' } } } }),
    );
    const madeFilm = await schedule([
      'create',
      film,
      '--cron',
      '0 8 * * 1-5',
      '--timezone',
      'Europe/Berlin',
      '--jitter',
      '5m',
      '--',
      'pipeline',
      'run',
      file,
      '--param',
      `scene=${film}`,
      '--max-cost',
      '9',
    ]);
    expect(madeFilm).toMatchObject({ exitCode: 0, document: { workflowType: 'runcomfyPipeline' } });
    const items = itemsNamed(stills, 2);
    const madeStills = await schedule(
      [
        'create',
        stills,
        '--every',
        '6h',
        '--overlap',
        'buffer-one',
        '--catch-up',
        '1h',
        '--until',
        '30d',
        '--',
        'batch',
        'run',
        '-',
        '--model',
        flux,
        '--defaults',
        '{"maxPriceUsd":1}',
        '--max-cost',
        '9',
      ],
      linesOf(items),
    );
    expect(madeStills).toMatchObject({
      exitCode: 0,
      document: { workflowType: 'runcomfyBatch', overlap: 'buffer-one', catchUpMs: 3_600_000 },
    });
    const { pipelines, batches } = stack.generations;
    expect(await pipelines.result(await trigger(film))).toMatchObject({ phase: 'succeeded' });
    expect(await batches.result(await trigger(stills))).toMatchObject({ phase: 'succeeded' });
    const prompts = [film, ...items.map(({ input }) => String(input?.['prompt']))];
    expect(prompts.map((prompt) => stack.jobsOf(prompt).length)).toEqual([1, 1, 1]);
  });

  it('refuses what could not be carried out, and leaves nothing behind', async () => {
    const name = newName('refused');
    const every = ['create', name, '--every', '1d'];
    const plan = await fileOf(JSON.stringify(stillAndClip(name)));
    const batch = (...more: string[]) => ['--', 'batch', 'run', '-', '--model', flux, ...more];
    const before = stack.simulator.ledger().jobs.length;
    const many = linesOf(itemsNamed(name, 1_001));
    const large = linesOf(itemsNamed(name, 10).map((item) => ({ ...item, input: { prompt: 'x'.repeat(120_000) } })));
    const two = linesOf(itemsNamed(name, 2));
    const order = generate(name, '--max-cost', '1');
    const refusals: [args: string[], exitCode: number, says: string, typed?: string, token?: 'no token'][] = [
      [['create', name, ...order], 64, 'give --every TIME or --cron'],
      [['create', name, '--every', '1d', '--cron', '0 8 * * *', ...order], 64, 'give --every TIME or --cron'],
      [[...every, '--timezone', 'Europe/Berlin', ...order], 64, '--timezone is of use with --cron'],
      [['create', name, '--every', 'daily', ...order], 64, 'Expected a stretch of time'],
      [[...every, '--until', 'soon', ...order], 64, 'Expected a time such as'],
      [[...every, '--overlap', 'cancel-other', ...order], 64, 'skip, buffer-one, buffer-all, allow'],
      [[...every], 64, 'stands behind `--`'],
      [[...every, '--', 'pipeline', 'cancel', 'film'], 64, 'stands behind `--`'],
      [[...every, '--', 'generate', flux], 64, 'the input is missing'],
      [[...every, '--', 'generate'], 64, "missing required argument 'model'"],
      [[...every, ...order, '--colour', 'red'], 64, "unknown option '--colour'"],
      [[...every, ...order, '--key', 'order-1'], 64, 'its keys are the name of the schedule and the time'],
      [[...every, ...order, '--no-wait', '--retry'], 64, '--retry, --no-wait: not for a scheduled order'],
      [[...every, ...order, '--request-id', 'request-1'], 64, '--request-id: not for a scheduled order'],
      [[...every, '--', 'pipeline', 'run', plan, '--rerun', '--yes'], 64, '--rerun, --yes: not for a scheduled order'],
      [[...every, ...batch('--key', 'stills'), '--max-cost', '9'], 64, '--key: not for a scheduled order', two],
      [[...every, '--until', '2020-01-01', ...order], 65, 'until: expected a time that is still to come'],
      [['create', name, '--every', '1ms', ...order], 65, 'everyMs'],
      [['create', name, '--cron', '@daily', ...order], 65, 'five fields'],
      [['create', name, '--cron', '99 8 * * *', ...order], 65, 'cron: Temporal refuses it: Minute'],
      [[...every, ...generate(name)], 65, 'a schedule orders under a limit'],
      [[...every, ...generate(name, '--max-cost', '0.0001')], 65, 'maxCostUsd is 0.0001'],
      [[...every, ...generate(name, '--budget', `none-${name}`)], 65, 'there is no open budget'],
      [[...every, ...order, '--label', 'campaign'], 65, 'expected name=value'],
      [[...every, ...order, '--priority', '9'], 65, 'priority'],
      [[...every, '--', 'generate', 'some/other/model', '--input', '{}', '--max-cost', '1'], 65, 'has no model'],
      [[...every, '--', 'generate', flux, '--input', '{}', '--budget', 'b'], 65, 'is not known', '', 'no token'],
      [[...every, '--', 'pipeline', 'run', plan, '--budget', 'b'], 65, 'price unknown', '', 'no token'],
      [[...every, ...batch('--budget', 'b')], 65, 'price unknown', two, 'no token'],
      [[...every, '--', 'generate', flux, '--input', '{"prompt":5}', '--max-cost', '1'], 65, '$.prompt'],
      [[...every, '--', 'pipeline', 'run', plan], 65, 'a schedule orders under a limit'],
      [[...every, '--', 'pipeline', 'run', plan, '--max-cost', '0.0001'], 65, 'maxCostUsd is 0.0001'],
      [[...every, '--', 'pipeline', 'run', '-', '--max-cost', '9'], 65, '$.steps', '{"version":1,"steps":{}}'],
      [[...every, '--', 'pipeline', 'run', `${plan}.gone`, '--max-cost', '9'], 66, 'cannot be read'],
      [[...every, ...batch()], 65, 'a schedule orders under a limit', two],
      [[...every, ...batch('--max-cost', '9')], 65, 'has no items', ''],
      [[...every, ...batch('--max-cost', '0.0001')], 65, 'maxCostUsd is 0.0001', two],
      [[...every, ...batch('--max-cost', '900')], 65, 'at most 1,000', many],
      [[...every, ...batch('--max-cost', '900')], 65, '1 MiB', large],
      [[...every, '--', 'batch', 'run', `${plan}.gone`, '--max-cost', '9'], 66, 'cannot be read'],
    ];
    for (const [args, exitCode, says, typed, token] of refusals) {
      const refused = await schedule(args, typed, token);
      const { error } = refused.document as { error: { message: string } };
      expect({ args, says: error.message, exitCode: refused.exitCode }).toEqual({
        args,
        says: expect.stringContaining(says) as unknown,
        exitCode,
      });
    }
    await expect(stack.generations.schedules.get(name)).rejects.toMatchObject({ type: 'KeyNotFound' });
    expect(stack.simulator.ledger().jobs).toHaveLength(before);
  });
});
