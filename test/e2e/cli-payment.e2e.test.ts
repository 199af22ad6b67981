import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import type { GenerationResult } from '../../domain/generation.ts';
import { cliStack } from '../support/cli-stack.ts';
import { eventually } from '../support/eventually.ts';
import { run, until } from '../support/examples/examples.ts';
import { flux, kling, klingInput } from '../support/simulator-client.ts';

const stack = cliStack();
const { input, start, json, generate, newKey, jobs, totals } = stack;

describe('what was paid', () => {
  it('is printed before its files are fetched; a key made up is told first, and the command told goes on without a second order', async () => {
    const into = path.join(stack.directory(), newKey());
    const { host } = await stack.serveFilesElsewhere();
    const refused = await json<GenerationResult>(['generate', flux, '--input', input, '--download', into]);
    expect(refused).toMatchObject({ code: 69, document: { requestId: jobs()[0]?.id } });
    const [first = '', ...others] = refused.stderr.trim().split('\n');
    const told = /^key (generation-[0-9a-f-]+): `runcomfy-temporal (.+)` finds this order again$/.exec(first);
    expect(others.at(-1)).toContain(
      `key ${told?.[1] ?? '?'}; request ${refused.document.requestId}; \`runcomfy-temporal ${told?.[2] ?? '?'}\` goes on`,
    );
    const again = await json([...(told?.[2] ?? '').split(' '), '--allow-host', host]);
    expect(again).toMatchObject({ code: 0, document: { requestId: refused.document.requestId } });
    expect(await readdir(into)).toHaveLength(1);
    expect(totals()).toMatchObject({ accepted: 1 });
  });

  it('is told again where standard output took nothing of it: 74, never 1', async () => {
    const key = newKey();
    const line = `${inject('programPath')} ${generate(key)
      .map((word) => `'${word}'`)
      .join(' ')} --output json > /dev/full`;
    const lost = await run('sh', ['-c', line], stack.environment()).ended;
    expect(lost).toMatchObject({
      code: 74,
      stderr: expect.stringContaining(`\`runcomfy-temporal result ${key}\` tells it again`) as string,
    });
    expect(await json(['result', key])).toMatchObject({ code: 0, document: { requestId: jobs()[0]?.id } });
  });

  it.each([
    ['a folder that takes no files', ['--download', '/dev/full/files'], 69, 'DownloadFailed'],
    ['files of a result that is not waited for', ['--no-wait', '--download', '.'], 64, 'Usage'],
    ['a host for files that are not asked for', ['--allow-host', 'example.com'], 64, 'Usage'],
  ])('is not ordered with %s', async (_what, flags, code, type) => {
    const ended = await json(generate(newKey(), ...flags));
    expect({ code: ended.code, type: ended.document.error.type }).toEqual({ code, type });
    expect(totals()).toMatchObject({ accepted: 0 });
  });

  it('is told on Ctrl-C while a file comes in, of which nothing is left', async () => {
    const key = newKey();
    const into = path.join(stack.directory(), key);
    const slow = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png', 'content-length': '1000' });
      response.write('a start');
    });
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${String((slow.address() as AddressInfo).port)}`;
    stack.simulator().setSwitches({ output_host: `http://${host}` });
    const running = start(generate(key, '--download', into, '--allow-host', host, '--output', 'json'));
    await expect.poll(() => readdir(into).catch(() => [])).toEqual([expect.stringMatching(/\.part$/) as string]);
    running.kill('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    slow.closeAllConnections();
    slow.close();
    expect(await readdir(into)).toEqual([]);
    expect(code).toBe(69);
    expect(JSON.parse(stdout)).toMatchObject({ requestId: jobs()[0]?.id });
    expect(stderr).toContain('it was interrupted');
    expect(stderr).toContain(`\`runcomfy-temporal result ${key} --download ${into} --allow-host ${host}\` goes on`);
  });

  it('is found again by a key that looks like an option, with the command that was printed', async () => {
    const key = `-${newKey()}`;
    const { stdout } = await start(generate(key, '--no-wait', '--output', 'pretty')).ended;
    const command = /`runcomfy-temporal (result -- .+)`/.exec(stdout)?.[1] ?? 'none';
    expect(await run('sh', ['-c', `${inject('programPath')} ${command}`], stack.environment()).ended).toMatchObject({
      code: 0,
    });
  });
});

describe('exit codes', () => {
  it.each([
    ['usage', ['generate', flux], {}, 64, 'Usage'],
    ['an unknown option', ['status', 'k', '--nope'], {}, 64, 'Usage'],
    ['two decisions', ['resolve', 'k', '--resubmit', '--abandon'], {}, 64, 'Usage'],
    ['an input that is no JSON', ['generate', flux, '--input', '{'], {}, 65, 'InvalidInput'],
    ['a missing file', ['generate', flux, '--input-file', 'no-such-file.json'], {}, 66, 'MissingFile'],
    ['an unknown key', ['status', 'no-such-key'], {}, 66, 'KeyNotFound'],
    ['no Temporal', ['status', 'k'], { TEMPORAL_ADDRESS: '127.0.0.1:1' }, 69, 'TemporalUnreachable'],
    ['no namespace', ['status', 'k'], { TEMPORAL_NAMESPACE: 'nowhere' }, 69, 'TemporalUnreachable'],
    ['a refused token', ['balance'], { RUNCOMFY_API_TOKEN: 'wrong' }, 77, 'Unauthenticated'],
    ['no token', ['balance'], {}, 78, 'Configuration'],
    ['a worker without a token', ['worker'], {}, 78, 'Configuration'],
    ['a setting that makes no sense', ['status', 'k'], { RUNCOMFY_LOG_LEVEL: 'loud' }, 78, 'Configuration'],
  ] as const)('%s', async (_what, args, env, code, type) => {
    const ended = await json([...args], env);
    expect({ code: ended.code, type: ended.document.error.type }, ended.stdout).toEqual({ code, type });
  });
});

describe('around generations', () => {
  it('doctor finds everything in order, and says what is wrong without a worker', async () => {
    // A server that has much else to do may not answer within the seconds that doctor gives it.
    await eventually(async () => {
      const healthy = await json<{ ok: boolean }>(['doctor', '--fix'], { RUNCOMFY_API_TOKEN: 'sim-cli' });
      expect(healthy, healthy.stdout).toMatchObject({ code: 0, document: { ok: true } });
    });
    await eventually(async () => {
      const ill = await json<{ checks: unknown[] }>(['doctor'], { RUNCOMFY_TASK_QUEUE: newKey() });
      expect(ill.code).toBe(69);
      expect(ill.document.checks).toContainEqual(
        expect.objectContaining({ check: 'workers: submits', status: 'failed' }),
      );
    });
  });

  it('reads catalogue and balance with the token', async () => {
    const env = { RUNCOMFY_API_TOKEN: 'sim-cli' };
    const found = await json<{ models: unknown[] }>(['models', '--search', 'kling-3.0'], env);
    expect(found.document.models).toContainEqual(expect.objectContaining({ modelId: kling }));
    expect(await json(['model', kling], env)).toMatchObject({ code: 0, document: { modelId: kling } });
    expect(await json(['balance'], env)).toMatchObject({ code: 0, document: { usd: 100 } });
  });

  it('validates bundled models offline and others against the catalogue', async () => {
    const valid = await json(['validate', kling, '--input', JSON.stringify(klingInput)]);
    expect(valid).toMatchObject({ code: 0, document: { valid: true } });
    const invalid = await json(['validate', flux, '--input', '{"prompt":7}'], { RUNCOMFY_API_TOKEN: 'sim-cli' });
    expect(invalid).toMatchObject({
      code: 65,
      document: { error: { type: 'InvalidInput', issues: [{ path: '$.prompt' }] } },
    });
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)('runs the simulator until it is told to stop, by %s', async (signal) => {
    const running = start(['simulator', '--port', '0', '--scenario', 'instant', '--output', 'json']);
    const told = () => /^\{.*"url".*\}$/m.exec(running.output())?.[0];
    await until(() => told() !== undefined, 'the simulator said where it is', running.output);
    const { url } = JSON.parse(told() ?? '') as { url: string };
    expect((await fetch(`${url}/__sim/healthz`)).status).toBe(200);
    running.kill(signal);
    expect((await running.ended).code).toBe(0);
  });
});
