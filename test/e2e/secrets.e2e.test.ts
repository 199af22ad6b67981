import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import type { FaultRule } from '../../simulator/index.ts';
import { createStack } from '../support/generation-stack.ts';
import { historiesOf, historyJson, stateOf } from '../support/generations.ts';
import { runCommand, startWorkerProcess, until } from '../support/processes.ts';
import { findSecret } from '../support/secret-search.ts';
import { kling, klingInput } from '../support/simulator-client.ts';

/** Ways in which RunComfy could give the token away, each at a model of its own, and how the command ends. */
function leaks(
  token: string,
): { model: string; rules: FaultRule[]; exitCode: number; args?: string[]; isCancelled?: true }[] {
  const page = `<html>Authorization: Bearer ${token}</html>`;
  return [
    {
      model: kling,
      rules: [
        { fault: 'token-echo', step: 'status', times: 1 },
        { fault: 'unknown-status-word', step: 'status', times: 1, word: `rendering for ${token}` },
        { fault: 'redirect-302', step: 'status', times: 1 },
        { fault: 'token-echo', step: 'result', times: 1, httpStatus: 500 },
        { fault: 'redirect-307', step: 'result', times: 1 },
      ],
      exitCode: 0,
    },
    { model: 'google/nano-banana-2/text-to-image', rules: [{ fault: 'token-echo', step: 'submit' }], exitCode: 77 },
    {
      model: 'openai/gpt-image-2/text-to-image',
      rules: [{ fault: 'token-echo', step: 'submit', httpStatus: 422, errorCode: 422_001 }],
      exitCode: 65,
    },
    {
      model: 'wan-ai/wan-2.7/text-to-image',
      rules: [{ fault: 'token-echo', step: 'submit', httpStatus: 500, errorCode: 500_001 }],
      args: ['--on-unknown', 'fail'],
      exitCode: 75,
    },
    {
      model: 'blackforestlabs/flux-2/flash/text-to-image',
      rules: [{ fault: 'accept-then-502', step: 'submit', body: page }],
      args: ['--on-unknown', 'fail'],
      exitCode: 75,
    },
    {
      model: 'blackforestlabs/flux-2-klein/4b/text-to-image',
      rules: [{ fault: 'html-body', step: 'submit', body: page }],
      args: ['--on-unknown', 'fail'],
      exitCode: 75,
    },
    {
      model: 'ideogram-ai/ideogram-v4/text-to-image',
      rules: [{ fault: 'job-fails', step: 'submit', word: `no credit for ${token}` }],
      exitCode: 1,
    },
    {
      model: 'kling/kling-3.0/pro/text-to-video',
      rules: [
        { fault: 'stuck-in-queue', step: 'submit' },
        { fault: 'token-echo', step: 'cancel', times: 1, httpStatus: 500 },
      ],
      isCancelled: true,
      exitCode: 1,
    },
  ];
}

describe('the token', () => {
  it('appears in no history, state, log, command output, error or process argument, not even when RunComfy echoes it', async () => {
    const token = `sim-secret/${randomUUID()}+x`;
    const cases = leaks(token);
    const faults = cases.flatMap(({ model, rules }) => rules.map((rule) => ({ ...rule, model })));
    const { client, settings, simulator, checkAll } = await createStack({ token, simulator: { faults } });
    const worker = await startWorkerProcess({ ...settings, env: { RUNCOMFY_LOG_LEVEL: 'debug' } });
    const keys = cases.map(({ model }) => `${model} ${randomUUID()}`);

    const places: Record<string, string> = {};
    const run = async (args: string[]) => {
      const { exitCode, stdout, stderr } = await runCommand([...args, '--output', 'json'], settings);
      places[`output of ${args.join(' ')}`] = stdout + stderr;
      return exitCode;
    };
    const exits: (number | null)[] = [];
    // Two at a time: each is a process of its own.
    for (let index = 0; index < cases.length; index += 2) {
      const pair = cases.slice(index, index + 2).map(async ({ model, args = [], isCancelled }, offset) => {
        const key = keys[index + offset] ?? '';
        const input = JSON.stringify(model === kling ? klingInput : { prompt: 'a cat' });
        const ended = run(['generate', model, '--input', input, '--key', key, ...args]);
        if (isCancelled) {
          await until('it was ordered', () => simulator.ledger().jobs.some((job) => job.model === model));
          expect(await run(['cancel', key])).toBe(0);
        }
        return await ended;
      });
      exits.push(...(await Promise.all(pair)));
    }
    expect(exits).toEqual(cases.map(({ exitCode }) => exitCode));
    expect(simulator.faults().filter(({ fired }) => fired === 0)).toEqual([]);
    await Promise.all([run(['status', keys[0] ?? '']), run(['balance'])]);

    for (const key of keys) {
      places[`history of ${key}`] = await everythingAbout(client, key);
      places[`state of ${key}`] = JSON.stringify(await stateOf(client.workflow.getHandle(key)));
    }
    places['arguments of the worker'] = await worker.commandLine();
    places['log of the worker'] = worker.output();
    places['spool of the worker'] = await contentsOf(path.join(worker.stateDir, 'accepted-requests'));
    expect(places['arguments of the worker']).toContain('worker');
    expect(places['log of the worker']).toContain('generation ended');
    expect(findSecret(token, places)).toEqual([]);
    expect(simulator.events().filter(({ what }) => what === 'redirect followed')).toEqual([]);
    await checkAll(keys);
  });

  it('is found by this search wherever it is planted', async () => {
    const token = `sim-planted/${randomUUID()}+x`;
    for (const around of ['', 'x', 'xy', 'xyz']) {
      const text = `${around}${token}${around}`;
      const forms = [
        text,
        Buffer.from(text).toString('base64'),
        Buffer.from(text).toString('hex'),
        encodeURIComponent(text),
      ];
      for (const form of forms)
        expect(findSecret(token, { here: `{"a":"${form}"}`, there: 'nothing' })).toEqual(['here']);
    }

    const { client, settings, startDirectly } = await createStack({ token });
    const inArgument = await startDirectly(randomUUID(), {
      model: kling,
      input: { ...klingInput, prompt: `for ${token}` },
    });
    const inSignal = await startDirectly(randomUUID(), { model: kling, input: klingInput });
    await inSignal.signal('cancel', { reason: `because ${token}` });
    for (const { workflowId } of [inArgument, inSignal]) {
      expect(findSecret(token, { history: await everythingAbout(client, workflowId) })).toEqual(['history']);
      await client.workflow.getHandle(workflowId).terminate();
    }

    const shown = ['generate', kling, '--input-file', '-', '--key', token];
    await expect(runCommand(shown, settings)).rejects.toThrow(/arguments of the command/);
    const echoed = runCommand(['status', token, '--output', 'json'], settings);
    await expect(echoed).rejects.toThrow(/the token was shown in: .*stdout/);
  });
});

/** The histories of all runs; their first events hold memo and search attributes as well. */
async function everythingAbout(client: Client, key: string): Promise<string> {
  return (await historiesOf(client, key)).map(historyJson).join('\n');
}

async function contentsOf(folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => []);
  return (await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8')))).join('\n');
}
