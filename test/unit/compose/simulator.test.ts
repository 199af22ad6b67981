import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { root } from '../../support/docs.ts';
import { eventually } from '../../support/eventually.ts';
import { temporaryFolder } from '../../support/processes.ts';

const { services } = parse(await readFile(path.join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: { simulator: { command: string[]; ports: string[] } };
};

it('offers the files of a worker’s request where this machine reaches the container', async () => {
  const [published = ''] = services.simulator.ports;
  const url = await startAsComposeDoes(services.simulator.command);
  const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';
  const submitted = await ask(url, 'POST', `/v1/models/${model}`, { prompt: 'a cat' });
  const requestId = String(submitted['request_id']);
  await ask(url, 'POST', '/__sim/clock', { advanceMs: 3_600_000 });
  const [host, port] = published.split(':');
  await eventually(async () => {
    const result = await ask(url, 'GET', `/v1/requests/${requestId}/result`);
    expect(JSON.stringify(result['output'])).toContain(`"http://${String(host)}:${String(port)}/files/`);
  });
});

/** The container's own command line, but for its port, its address and its file. */
async function startAsComposeDoes(command: string[]): Promise<string> {
  const state = path.join(await temporaryFolder(), 'simulator.json');
  const args = [...command, '--host=127.0.0.1', '--port=0', `--state=${state}`, '--output=json'];
  const child = spawn(process.execPath, [path.join(root, 'bin/runcomfy-temporal'), ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return (JSON.parse(line) as { url: string }).url;
}

/** Asks as the worker's container does, which knows the simulator by its name there. */
async function ask(url: string, method: string, at: string, body?: object): Promise<Record<string, unknown>> {
  const headers = { host: 'simulator:7788', authorization: 'Bearer sim-compose', 'content-type': 'application/json' };
  const asking = request(new URL(at, url), { method, headers });
  asking.end(body === undefined ? undefined : JSON.stringify(body));
  const [reply] = (await once(asking, 'response')) as [NodeJS.ReadableStream];
  return (await json(reply)) as Record<string, unknown>;
}
