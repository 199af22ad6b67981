import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PipelineResult, PipelineState } from '../../domain/pipeline/pipeline-run.ts';
import { untilSeen } from '../support/eventually.ts';
import { pythonForExamples } from '../support/examples/examples-python.ts';
import { startSurroundings, type Surroundings, until } from '../support/examples/examples.ts';
import { installHangMs } from '../support/patience.ts';
import { describePlainSdks } from './plain-sdks.ts';

vi.setConfig({ testTimeout: installHangMs, hookTimeout: installHangMs });

let around: Surroundings;

beforeAll(async () => {
  around = await startSurroundings();
});

afterAll(() => around.stop());

beforeEach(() => {
  around.simulator.reset();
  around.simulator.setScenario('quick');
});

const newKey = () => `example-${randomUUID()}`;
const jobs = () => around.simulator.ledger().jobs;
const totals = () => around.simulator.ledger().totals;

describe('example 01, one generation', () => {
  it('prints the URL of the image that was made and billed once', async () => {
    const key = newKey();
    const { code, stdout, stderr } = await around.example('01-one-generation.ts', [key]).ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain(`key ${key}`);
    expect(stdout).toContain(`${around.simulator.url}/`);
    expect(totals()).toMatchObject({ accepted: 1, charged: 1 });
  });
});

describe('example 02, attach by key', () => {
  it('attaches to the running generation of example 01: both print the same URL, one job is billed', async () => {
    const key = newKey();
    around.simulator.hold({ stage: 'queue' });
    const first = around.example('01-one-generation.ts', [key]);
    await until(() => jobs().length === 1, 'the first process had ordered', first.output);
    const second = around.example('02-attach-by-key.ts', [key]);
    await until(() => second.output().includes('request'), 'the second process knew the request', second.output);
    around.simulator.release();

    const [one, two] = [await first.ended, await second.ended];
    expect(two.stdout).toContain(`attached to ${key}`);
    expect([one.code, two.code]).toEqual([0, 0]);
    expect(one.stdout).toContain(lastWord(two.stdout));
    expect(totals()).toMatchObject({ accepted: 1, charged: 1 });
  });
});

describe('example 03, cancel from another process', () => {
  it('stops a generation that waits in the queue: the process that awaits it hears of it, nothing is billed', async () => {
    const key = newKey();
    around.simulator.hold({ stage: 'queue' });
    const first = around.example('01-one-generation.ts', [key]);
    await until(() => jobs().length === 1, 'the first process had ordered', first.output);

    const canceller = await around.example('03-cancel-from-another-process.ts', [key, 'wrong scene']).ended;
    expect(canceller.stderr).toBe('');
    expect(canceller.stdout).toContain('ended as GenerationCancelled');
    expect(canceller.stdout).toContain('phase cancelled, outcome cancelled');
    const awaiting = await first.ended;
    expect(awaiting.code).toBe(1);
    expect(awaiting.stderr).toContain('GenerationCancelled');
    expect(totals()).toMatchObject({ accepted: 1, charged: 0 });
  });
});

describe('example 03, too late', () => {
  it('says so when the generation has ended', async () => {
    const key = newKey();
    await around.example('01-one-generation.ts', [key]).ended;
    const { code, stdout } = await around.example('03-cancel-from-another-process.ts', [key]).ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`too late: ${key} is not running any more`);
    expect(stdout).toContain('phase succeeded, outcome none');
  });
});

describe('example 05, a pipeline', () => {
  const kling = 'kling/kling-3.0/standard/image-to-video';
  const clipJob = () => jobs().find(({ model }) => model === kling);

  it('makes an image and a clip from it, each billed once', async () => {
    const isOurs = (url: unknown) => String(url).startsWith(`${around.simulator.url}/files/`);
    const { code, stdout, stderr } = await around.example('05-pipeline/main.ts', [newKey()]).ended;
    expect(code, stderr).toBe(0);
    expect(isOurs(/^clip (.*\.mp4)$/m.exec(stdout)?.[1]), stdout).toBe(true);
    expect(totals()).toMatchObject({ accepted: 2, charged: 2 });
    expect(isOurs(clipJob()?.input['start_image_url'])).toBe(true);
  });

  it('run again under its key uses what it made, and orders a clip of another motion alone', async () => {
    const key = newKey();
    const first = await around.example('05-pipeline/main.ts', [key]).ended;
    const again = await around.example('05-pipeline/main.ts', [key]).ended;
    expect(again.stdout).toMatch(/^image: reused .*\nclip: reused /m);
    expect(again.stdout.split('\n')[1]).toBe(first.stdout.split('\n')[1]);
    expect(totals()).toMatchObject({ accepted: 2, charged: 2 });
    const edited = await around.example('05-pipeline/main.ts', [key, 'The lamp goes out']).ended;
    expect(edited.stdout).toMatch(/^image: reused .*\nclip: ordered /m);
    expect(jobs().slice(2)).toMatchObject([{ model: kling, input: { prompt: 'The lamp goes out' } }]);
  });

  it('tells on Ctrl-C that RunComfy stopped the clip, which then costs nothing', async () => {
    around.simulator.setProfiles({ [kling]: { queueMs: 600_000, runMs: 1_000 }, '*': { queueMs: 0, runMs: 500 } });
    const running = around.example('05-pipeline/main.ts', [newKey()]);
    await until(() => clipJob() !== undefined, 'the clip was ordered', running.output);
    running.kill('SIGINT');
    const { code, stdout } = await running.ended;
    expect(code).toBe(1);
    expect(stdout).toContain('pipeline cancelled');
    expect(stdout).toMatch(/^image: ordered /m);
    expect(stdout).toMatch(/^clip: cancelled /m);
    expect(clipJob()).toMatchObject({ state: 'cancelled', chargedUsd: 0 });
  });

  it('admits on Ctrl-C that a clip which already runs goes on and may be billed', async () => {
    around.simulator.setProfiles({ [kling]: { queueMs: 0, runMs: 600_000 }, '*': { queueMs: 0, runMs: 500 } });
    const running = around.example('05-pipeline/main.ts', [newKey()]);
    await until(() => clipJob()?.state === 'in_progress', 'the clip ran', running.output);
    running.kill('SIGINT');
    const { stdout } = await running.ended;
    expect(stdout).toContain('pipeline cancelled');
    expect(stdout).toMatch(/^clip: not_cancellable \(request .+\)/m);
    expect(clipJob()?.state).toBe('in_progress');
  });

  it('has RunComfy stop the queued clip even when the pipeline itself is terminated', async () => {
    const key = newKey();
    around.simulator.setProfiles({ [kling]: { queueMs: 600_000, runMs: 1_000 }, '*': { queueMs: 0, runMs: 500 } });
    const running = around.example('05-pipeline/main.ts', [key]);
    await until(() => clipJob() !== undefined, 'the clip was ordered', running.output);
    await around.client.workflow.getHandle(key).terminate('an operator in a hurry');
    await until(
      () => clipJob()?.state === 'cancelled',
      'RunComfy stopped the clip',
      () => JSON.stringify(clipJob()),
    );
    expect((await running.ended).code).toBe(1);
    expect(clipJob()?.chargedUsd).toBe(0);
  });
});

describe('example 07, a film by a plan', () => {
  const seeds = (outputs: Record<string, unknown>) => {
    const [clip] = jobs().filter(({ model }) => model === 'kling/kling-3.0/standard/image-to-video');
    const stills = jobs().filter(({ model }) => model === 'blackforestlabs/flux-2/flash/text-to-image');
    // One bill for each order, and what was chosen went into the clip.
    expect(jobs()).toHaveLength(6);
    expect(totals()).toMatchObject({ accepted: 6, charged: 6 });
    expect(clip?.input).toMatchObject({ start_image_url: outputs['chosen'], duration: 5 });
    expect(outputs['clip']).toMatch(/\.mp4$/);
    expect(outputs['score']).toMatch(/\.wav$/);
    return stills.map(({ input }) => input['seed']).sort();
  };
  const outputsIn = (stdout: string) =>
    Object.fromEntries(['chosen', 'clip', 'score'].map((name) => [name, lineAfter(stdout, `${name} `)]));

  it('by the command line: started, decided and awaited by commands of their own', async () => {
    const key = newKey();
    const file = 'examples/07-film/film.yaml';
    const param = ['--param', 'scene=A lighthouse on a cliff'];
    expect((await around.command(['pipeline', 'run', file, '--key', key, ...param, '--no-wait'])).exitCode).toBe(0);
    const status = async () => {
      const { stdout } = await around.command(['pipeline', 'status', key]);
      return (JSON.parse(stdout) as PipelineState).steps[1];
    };
    const pick = await untilSeen(async () => {
      const step = await status();
      return step?.phase === 'awaiting_decision' ? step.approval?.choices : undefined;
    });
    expect((await around.command(['pipeline', 'approve', key, 'pick', '--choose', '2'])).exitCode).toBe(0);
    const { exitCode, stdout, stderr } = await around.command(['pipeline', 'result', key]);
    const { outputs } = JSON.parse(stdout) as PipelineResult;
    expect(exitCode, stderr).toBe(0);
    expect(outputs['chosen']).toBe(pick[2]);
    expect(seeds(outputs)).toEqual([1, 2, 3, 4]);
  });

  it('from TypeScript: shows the steps and decides; run again it orders nothing', async () => {
    const key = newKey();
    const decided = () => around.example('07-film/main.ts', [key, '3']).ended;
    let { code, stdout, stderr } = await decided();
    let shown = stdout;
    // A worker that has much to do leaves a decision unanswered; run again, the example attaches.
    for (let tries = 0; tries < 5 && stderr.startsWith('NoWorker'); tries += 1) {
      ({ code, stdout, stderr } = await decided());
      shown += stdout;
    }
    expect(code, stderr).toBe(0);
    expect(shown).toContain('pick awaiting_decision');
    expect(seeds(outputsIn(stdout))).toEqual([1, 2, 3, 4]);
    const again = await around.example('07-film/main.ts', [key]).ended;
    expect(outputsIn(again.stdout)).toEqual(outputsIn(stdout));
    expect(jobs()).toHaveLength(6);
  });

  it('from Python: starts, queries, decides by update and reads the outputs', async () => {
    const python = await pythonForExamples();
    const { code, stdout, stderr } = await around.example('07-film/main.py', [newKey(), '1'], python).ended;
    expect(code, stderr).toBe(0);
    expect(lineAfter(stdout, 'choices ')).toBe('4');
    expect(seeds(outputsIn(stdout))).toEqual([1, 2, 3, 4]);
  });
});

describe('example 08, another namespace', () => {
  it('has a poster made by Nexus, and by Python the same, by its key: one bill', async () => {
    const endpoint = await around.endpoint();
    const key = newKey();
    const { code, stdout, stderr } = await around.example('08-another-namespace/main.ts', [key, endpoint]).ended;
    expect(code, stderr).toBe(0);
    const python = await pythonForExamples();
    const prompt = 'A lighthouse at dusk, oil on canvas';
    const main = '08-another-namespace/main.py';
    const again = await around.example(main, [key, endpoint, prompt], python).ended;
    expect(again.code, again.stderr).toBe(0);
    expect(lineAfter(again.stdout, 'poster ')).toBe(lineAfter(stdout, 'poster '));
    expect(totals()).toMatchObject({ accepted: 1, charged: 1 });
    const refused = await around.example(main, [newKey(), endpoint, ''], python).ended;
    expect(lineAfter(refused.stdout, 'poster ')).toBe('failed InvalidInput not_sent');
    const otherOrder = await around.example(main, [key, endpoint, 'A harbour at dawn'], python).ended;
    expect(lineAfter(otherOrder.stdout, 'poster ')).toBe('failed KeyInUse');
  });
});

describe('examples 11 and 12, batches', () => {
  it('a catalogue: a still, a clip and music for each product, each billed once', async () => {
    const key = newKey();
    const { code, stdout, stderr } = await around.example('11-catalogue/main.ts', [key]).ended;
    expect(code, stderr).toBe(0);
    for (const id of ['mug', 'lamp', 'chair']) expect(stdout).toMatch(new RegExp(`^${id} succeeded .*\\.mp4$`, 'm'));
    expect(stdout).toMatch(/^succeeded: 3 of 3 for /m);
    expect(jobs().filter(({ input }) => input['duration'] === 10)).toHaveLength(2);
    expect(totals()).toMatchObject({ accepted: 9, charged: 9 });
    const folder = 'examples/11-catalogue';
    const file = [`${folder}/products.csv`, '--plan', `${folder}/product.yaml`, '--output', 'json'];
    expect((await around.command(['batch', 'validate', ...file])).exitCode).toBe(0);
  });

  it('stills from Python: a line and a bill for each; run again it orders nothing', async () => {
    const python = await pythonForExamples();
    const key = newKey();
    const stills = () => around.example('12-stills-from-python.py', [key, '60'], python).ended;
    const { code, stdout, stderr } = await stills();
    expect(code, stderr).toBe(0);
    expect(stdout.match(/^still-\d+ http/gm)).toHaveLength(60);
    expect((await stills()).stdout).toBe(stdout);
    expect(totals()).toMatchObject({ accepted: 60, charged: 60 });
  });
});

describePlainSdks(() => around);

function lastWord(text: string): string {
  return text.trim().split(/\s+/).at(-1) ?? '';
}

function lineAfter(text: string, start: string): string {
  const line = text.split('\n').find((candidate) => candidate.startsWith(start));
  expect(line, text).toBeDefined();
  return line?.slice(start.length) ?? '';
}
