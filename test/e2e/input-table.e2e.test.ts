import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { runCli } from '../../cli/main.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { createStack, type GenerationStack } from '../support/generation-stack.ts';
import { endingOf } from '../support/generations.ts';
import { type CommandResult, runCommand, startWorkerProcess } from '../support/processes.ts';
import { kling, klingInput } from '../support/simulator-client.ts';

const { prompt, start_image_url: startImage } = klingInput;
const withFields = (fields: Record<string, unknown>) => ({ ...klingInput, ...fields });
const lasting = (...durations: number[]) => durations.map((duration) => ({ prompt: 'a scene', duration }));

/** What RunComfy must never be asked for: the input, where its problem is, and what the reason speaks of. */
const refused: [what: string, input: unknown, path: string, reason: RegExp][] = [
  ['no prompt', { start_image_url: startImage }, '$.prompt', /required/],
  ['an empty prompt', withFields({ prompt: '' }), '$.prompt', /blank/],
  ['a prompt that is no string', withFields({ prompt: ['a', 'b'] }), '$.prompt', /string/],
  ['no start image', { prompt }, '$.start_image_url', /required/],
  ['a start image that is no URL', withFields({ start_image_url: 'cliff.png' }), '$.start_image_url', /URL/],
  [
    'a start image by http',
    withFields({ start_image_url: 'http://images.example.com/a.png' }),
    '$.start_image_url',
    /https/,
  ],
  [
    'a start image on loopback',
    withFields({ start_image_url: 'https://127.0.0.1/a.png' }),
    '$.start_image_url',
    /127\.0\.0\.1/,
  ],
  [
    'a start image on localhost',
    withFields({ start_image_url: 'https://localhost/a.png' }),
    '$.start_image_url',
    /localhost/,
  ],
  [
    'a start image on a private host',
    withFields({ start_image_url: 'https://10.1.2.3/a.png' }),
    '$.start_image_url',
    /10\.1\.2\.3/,
  ],
  [
    'media of an element that are no URL',
    withFields({ elements: [{ frontal_image_url: 'face.png' }] }),
    '$.elements[0].frontal_image_url',
    /URL/,
  ],
  [
    'media of an element by http',
    withFields({ elements: [{ reference_image_urls: [startImage, 'http://images.example.com/b.png'] }] }),
    '$.elements[0].reference_image_urls[1]',
    /https/,
  ],
  [
    'media of an element on loopback',
    withFields({ elements: [{}, { video_url: 'https://[::1]/a.mp4' }] }),
    '$.elements[1].video_url',
    /::1/,
  ],
  [
    'media of an element on a private host',
    withFields({ elements: [{ frontal_image_url: 'https://192.168.7.7/a.png' }] }),
    '$.elements[0].frontal_image_url',
    /192\.168\.7\.7/,
  ],
  ['a duration of 2', withFields({ duration: 2 }), '$.duration', /3 to 15/],
  ['a duration of 16', withFields({ duration: 16 }), '$.duration', /3 to 15/],
  ['a duration of 10.5', withFields({ duration: 10.5 }), '$.duration', /whole/],
  ['a duration that is a string', withFields({ duration: '10' }), '$.duration', /"10"/],
  ['a cfg_scale of -0.1', withFields({ cfg_scale: -0.1 }), '$.cfg_scale', /0 to 1/],
  ['a cfg_scale of 1.2', withFields({ cfg_scale: 1.2 }), '$.cfg_scale', /0 to 1/],
  ['an intelligent shot', withFields({ shot_type: 'intelligent' }), '$.shot_type', /customize/],
  ['4 elements', withFields({ elements: [{}, {}, {}, {}] }), '$.elements', /at most 3/],
  ['21 segments', withFields({ multi_prompt: lasting(...Array<number>(21).fill(3)) }), '$.multi_prompt', /at most 20/],
  ['a segment of 2 s', withFields({ multi_prompt: lasting(8, 2) }), '$.multi_prompt[1].duration', /3 to 15/],
  ['a segment of 16 s', withFields({ multi_prompt: lasting(16) }), '$.multi_prompt[0].duration', /3 to 15/],
  [
    'segments that do not add up',
    withFields({ duration: 8, multi_prompt: lasting(3, 4) }),
    '$.multi_prompt',
    /8 s.*7 s/,
  ],
  [
    'segments that do not add up to the default',
    withFields({ multi_prompt: lasting(3, 4) }),
    '$.multi_prompt',
    /10 s.*7 s/,
  ],
  ['a list in the place of the input', [klingInput], '$', /object/],
  ['a string in the place of the input', 'a cat', '$', /object/],
];

interface Refusal {
  error: { type: string; message: string; key?: string; issues?: InputIssue[] };
}

function expectRefusal({ exitCode, stdout }: CommandResult, path: string, reason: RegExp): void {
  expect(exitCode).toBe(65);
  const { error } = JSON.parse(stdout) as Refusal;
  expect(error.type).toBe('InvalidInput');
  expect(error.issues?.[0]?.path).toBe(path);
  expect(error.issues?.[0]?.message).toMatch(reason);
}

const commandLine = (input: unknown) => ['generate', kling, '--input', JSON.stringify(input), '--output', 'json'];

/** Runs a command line in this process, with the settings of the stack as its environment. */
async function runHere(args: string[], { settings }: GenerationStack): Promise<CommandResult> {
  vi.stubEnv('TEMPORAL_ADDRESS', settings.temporalAddress);
  vi.stubEnv('RUNCOMFY_MODEL_API_BASE', settings.modelApiBase);
  vi.stubEnv('RUNCOMFY_TASK_QUEUE', settings.taskQueue);
  vi.stubEnv('RUNCOMFY_API_TOKEN', 'sim-of-a-command');
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const written = Promise.all([text(stdout), text(stderr)]);
  const exitCode = await runCli(args, { stdin, stdout, stderr });
  stdout.end();
  stderr.end();
  const [out, err] = await written;
  return { exitCode, stdout: out, stderr: err };
}

describe('input that the seed model does not take', () => {
  it('is refused by the command line with exit code 65, place and reason, before anything is sent', async () => {
    const stack = await createStack();
    for (const [what, input, path, reason] of refused) {
      const run = await runHere(commandLine(input), stack);
      expect(run, what).toMatchObject({ exitCode: 65, stderr: '' });
      expectRefusal(run, path, reason);
    }
    // The same program as a process, for one row of each kind.
    const asProcesses = [refused[0], refused[13], refused.at(-1)].filter((row) => row !== undefined);
    const runs = await Promise.all(asProcesses.map(([, input]) => runCommand(commandLine(input), stack.settings)));
    for (const [index, run] of runs.entries()) {
      const [, , path = '', reason = /^$/] = asProcesses[index] ?? [];
      expectRefusal(run, path, reason);
    }
    expect(stack.simulator.events()).toEqual([]);
    expect(stack.simulator.ledger().jobs).toEqual([]);
  });

  it('is refused with every problem in one reply', async () => {
    const stack = await createStack();
    const input = { duration: 2, cfg_scale: 7, shot_type: 'intelligent' };
    const { stdout } = await runHere(commandLine(input), stack);
    const { error } = JSON.parse(stdout) as Refusal;
    expect(error.issues?.map(({ path }) => path).toSorted()).toEqual(
      ['$.cfg_scale', '$.duration', '$.prompt', '$.shot_type', '$.start_image_url'].toSorted(),
    );
  });

  it('ends as InvalidInput with the same issues when it is started directly over Temporal, and nothing is sent', async () => {
    const { settings, simulator, startDirectly, checkAll } = await createStack();
    await startWorkerProcess(settings);
    const ends = await Promise.all(
      refused.map(async ([what, input, path, reason]) => {
        const handle = await startDirectly(`${what} ${randomUUID()}`, { model: kling, input });
        return { what, path, reason, key: handle.workflowId, ending: await endingOf(handle) };
      }),
    );
    for (const { what, path, reason, key, ending } of ends) {
      const { type, details } = ending;
      expect([what, type, details?.submission, details?.phase]).toEqual([what, 'InvalidInput', 'not_sent', 'failed']);
      expect([what, details?.issues?.[0]?.path]).toEqual([what, path]);
      expect(details?.issues?.[0]?.message).toMatch(reason);
      expect(ending.message).toContain(key);
    }
    expect(simulator.ledger().totals).toMatchObject({ submits: 0, accepted: 0 });
    await checkAll(ends.map(({ key }) => key));
  });
});

describe('keys that the model does not know', () => {
  it('are warned about with the nearest known key, and sent as they are', async () => {
    const stack = await createStack();
    await startWorkerProcess(stack.settings);
    const input = withFields({
      cfg_scle: 0.5,
      elements: [{ video_ulr: 'https://v.example.com/a.mp4' }],
      x_future: [1],
    });

    const run = await runCommand(commandLine(input), stack.settings);
    expect(run.exitCode).toBe(0);
    expect(run.stderr).toMatch(/cfg_scle.*nearest.*"cfg_scale"/);
    expect(run.stderr).toMatch(/elements\[0\]\.video_ulr.*nearest.*"video_url"/);
    expect(run.stderr).toMatch(/x_future/);

    const handle = await stack.startDirectly(`unknown keys ${randomUUID()}`, { model: kling, input });
    const { state, result } = await endingOf(handle);
    expect(result?.output.videos).toHaveLength(1);
    expect(state.warnings?.join('\n')).toMatch(/cfg_scle.*nearest.*"cfg_scale"/);

    const sent = stack.simulator.ledger().jobs.map((job) => JSON.stringify(job.input));
    expect(sent).toEqual([JSON.stringify(input), JSON.stringify(input)]);
    await stack.checkAll([handle.workflowId]);
  });
});
