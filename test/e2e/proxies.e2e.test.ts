import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createStack, orderNamed } from '../support/generation-stack.ts';
import { historiesOf, historyJson } from '../support/generations.ts';
import { runCommand, startWorkerProcess, temporaryFolder } from '../support/processes.ts';
import { serveProxy, type TunnelFault } from '../support/proxy.ts';
import { findSecret } from '../support/secret-search.ts';

const host = 'model-api.example';

describe('a worker behind a proxy', () => {
  it('orders once whatever the proxy does, downloads by it, and shows its password nowhere', async () => {
    const { client, simulator, settings: direct, checkAll } = await createStack();
    const password = `proxy-word-${randomUUID()}`;
    const proxy = await serveProxy(Number(new URL(simulator.url).port));
    const HTTP_PROXY = proxy.url.replace('//', `//someone:${password}@`);
    const { temporalAddress, taskQueue } = direct;
    const settings = { temporalAddress, taskQueue, modelApiBase: `http://${host}/v1`, env: { HTTP_PROXY } };
    const worker = await startWorkerProcess(settings);
    const places: Record<string, string> = {};
    const keys: string[] = [];

    /** Orders while the proxy fails so once, and gives the exit code and how many POSTs reached RunComfy for it. */
    const orderThrough = async (fault: TunnelFault | undefined, ...args: string[]) => {
      const key = `proxied ${fault ?? ''} ${randomUUID()}`;
      keys.push(key);
      const before = simulator.ledger().totals;
      if (fault) proxy.fail(fault);
      const { model, input } = orderNamed(key);
      const flags = ['--key', key, '--input', JSON.stringify(input), '--on-unknown', 'fail', '--output', 'json'];
      const { exitCode, stdout, stderr } = await runCommand(['generate', model, ...flags, ...args], settings);
      Object.assign(places, { [`output, ${key}`]: stdout + stderr });
      const after = simulator.ledger().totals;
      return { exitCode, submits: after.submits - before.submits, accepted: after.accepted - before.accepted };
    };

    const folder = await temporaryFolder();
    const saved = ['--download', folder, '--allow-host', host];
    expect(await orderThrough(undefined, ...saved)).toEqual({ exitCode: 0, submits: 1, accepted: 1 });
    expect(await readdir(folder)).toHaveLength(1);
    for (const fault of ['refuses', 'hangs up'] as const) {
      expect(await orderThrough(fault), fault).toEqual({ exitCode: 0, submits: 1, accepted: 1 });
    }
    expect(await orderThrough('cuts before the POST')).toEqual({ exitCode: 75, submits: 0, accepted: 0 });
    expect(await orderThrough('cuts after the POST')).toEqual({ exitCode: 75, submits: 1, accepted: 1 });
    expect(new Set(proxy.tunnels)).toEqual(new Set([`${host}:80`]));
    expect(Buffer.from(proxy.credentials[0]?.replace('Basic ', '') ?? '', 'base64').toString()).toBe(
      `someone:${password}`,
    );

    // On a machine that has much else to do it may not come through within the seconds that doctor gives it.
    await eventually(async () => {
      const doctor = await runCommand(['doctor', '--output', 'json'], settings);
      Object.assign(places, { doctor: doctor.stdout + doctor.stderr });
      expect((JSON.parse(doctor.stdout) as { checks: object[] }).checks).toContainEqual({
        check: 'proxies',
        status: 'ok',
        message: `${host} answers with ${proxy.url} (HTTP_PROXY)`,
      });
    });
    Object.assign(places, { 'output of the worker': worker.output() });
    for (const key of keys) {
      places[`history, ${key}`] = (await historiesOf(client, key)).map((history) => historyJson(history)).join();
    }
    expect(findSecret(password, places)).toEqual([]);
    await checkAll(keys);
  });
});
