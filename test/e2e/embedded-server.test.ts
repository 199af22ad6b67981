import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEmbeddedServer } from '../../cli/dev-server/server.ts';
import { findTemporalBinary } from '../../cli/dev-server/temporal-binary.ts';
import { readConfig } from '../../config/env.ts';
import { searchAttributes } from '../../domain/names.ts';
import { eventually } from '../support/eventually.ts';
import { hangMs } from '../support/patience.ts';
import { freePort } from '../support/processes.ts';

let folder = '';
let cliPath = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'embedded-'));
  cliPath = (await findTemporalBinary({ cliPath: readConfig().temporalCliPath })).path;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function withClient<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address, connectTimeout: hangMs });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

describe('the embedded Temporal server', () => {
  it.concurrent('answers with its search attributes and its UI, and stops without a trace', async () => {
    const server = await startEmbeddedServer({ cliPath, searchAttributes, startTimeoutMs: hangMs });
    const { customAttributes } = await withClient(server.address, (client) =>
      client.connection.operatorService.listSearchAttributes({ namespace: server.namespace }),
    );
    expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(Object.keys(searchAttributes)));
    // It is served a moment later than the server itself.
    await eventually(async () => {
      expect((await fetch(server.uiUrl ?? '')).status).toBe(200);
    });
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
    await server.stop();
  });

  it.concurrent('has lost nothing when it starts again after kill -9', async () => {
    const dbFile = join(folder, 'data', 'temporal.db');
    const options = { cliPath, dbFile, uiPort: false, searchAttributes, startTimeoutMs: hangMs } as const;
    const port = await freePort();
    const first = await startEmbeddedServer({ ...options, port });
    const workflowId = 'kept';
    await withClient(first.address, (client) =>
      client.workflow.start('anything', { workflowId, taskQueue: 'nobody', args: [{ model: 'm' }] }),
    );
    await first.kill9();
    expect(isAlive(first.pid)).toBe(false);

    const second = await startEmbeddedServer({ ...options, port });
    expect(second.address).toBe(first.address);
    const { status } = await withClient(second.address, (client) => client.workflow.getHandle(workflowId).describe());
    expect(status.name).toBe('RUNNING');
    await second.stop();
  });

  it.concurrent('dies with the process that started it, even by kill -9', async () => {
    const script = `
      import { startEmbeddedServer } from ${JSON.stringify(new URL('../../cli/dev-server/server.ts', import.meta.url).href)};
      const server = await startEmbeddedServer({ cliPath: process.argv[1], uiPort: false, startTimeoutMs: ${String(hangMs)} });
      process.stdout.write(String(server.pid));`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script, cliPath], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(output.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await eventually(() => {
      expect(isAlive(pid)).toBe(false);
    });
  });

  it.concurrent('says what the server said when it cannot start', async () => {
    const start = startEmbeddedServer({ cliPath, uiPort: false, extraArgs: ['--no-such-flag'] });
    await expect(start).rejects.toThrow(/ended at its start: .*no-such-flag/);
  });

  it.concurrent('says what to set when the program cannot be run', async () => {
    const start = startEmbeddedServer({ cliPath: join(folder, 'absent') });
    await expect(start).rejects.toThrow(/cannot be started: .*ENOENT.*; set TEMPORAL_CLI_PATH/);
  });

  it('starts a program that is named without a folder, and a script that stands for one', async () => {
    await writeFile(join(folder, 'temporal-by-name'), `#!/usr/bin/env sh\nexec '${cliPath}' "$@"\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}:${process.env['PATH'] ?? ''}`);
    const server = await startEmbeddedServer({ cliPath: 'temporal-by-name', uiPort: false, startTimeoutMs: hangMs });
    vi.unstubAllEnvs();
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
  });

  it('gets Go’s own settings of the environment, and no token', async () => {
    const program = join(folder, 'tells-its-environment');
    const told = 'gc=$GOGC limit=$GOMEMLIMIT procs=$GOMAXPROCS token=$RUNCOMFY_API_TOKEN.';
    await writeFile(program, `#!/usr/bin/env sh\necho "${told}"\n`, { mode: 0o755 });
    vi.stubEnv('GOGC', '77');
    vi.stubEnv('GOMEMLIMIT', '3GiB');
    vi.stubEnv('GOMAXPROCS', undefined);
    vi.stubEnv('RUNCOMFY_API_TOKEN', 'sim-secret');
    const start = startEmbeddedServer({ cliPath: program, uiPort: false });
    await expect(start).rejects.toThrow('gc=77 limit=3GiB procs= token=.');
    vi.unstubAllEnvs();
  });
});
