import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, inject, it } from 'vitest';
import { findTemporalBinary } from '../../cli/dev-server/temporal-binary.ts';
import { createGenerationClient } from '../../client/index.ts';
import { readConfig } from '../../config/env.ts';
import { readPage } from '../support/docs.ts';
import { eventually } from '../support/eventually.ts';
import { connectToOwnNamespace, createStack, orderNamed } from '../support/generation-stack.ts';
import { runCommand, temporaryFolder } from '../support/processes.ts';
import { onTestFinished } from '../support/test-end.ts';

const version = 'runcomfy.2026-11-23';

it('is turned on by the commands of the documentation as they stand there', async () => {
  const [block] = readPage('docs/operations.md').blocks.filter(({ code }) => code.includes('set-current-version'));
  const { client, settings, simulator } = await createStack({ client: await connectToOwnNamespace() });
  const { temporalAddress, temporalNamespace = '' } = settings;
  const env = {
    PATH: `${await programsFolder()}:${process.env['PATH'] ?? ''}`,
    HOME: await temporaryFolder(),
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: temporalNamespace,
    RUNCOMFY_API_TOKEN: 'sim-versions',
    RUNCOMFY_MODEL_API_BASE: simulator.modelApiBase,
    RUNCOMFY_SERVERLESS_API_BASE: simulator.serverlessApiBase,
  };
  // The worker stays in the background: it and its shell are one group of processes.
  const shell = spawn('sh', ['-c', block?.code ?? 'exit 1'], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  onTestFinished(() => {
    process.kill(-(shell.pid ?? NaN), 'SIGKILL');
  });
  const [code] = (await once(shell, 'exit')) as [number | null];
  expect(code, output).toBe(0);

  const result = await (await createGenerationClient({ client }).start(orderNamed('versioned'), { key: 'k' })).result();
  expect(result.output.videos).toHaveLength(1);
  const description = await client.workflow.getHandle('k').describe();
  expect(JSON.stringify(description.raw.workflowExecutionInfo?.versioningInfo)).toContain('2026-11-23');
  const { taskQueue: _, ...onDefaultQueue } = settings;
  // A server that has much else to do may not answer within the seconds that doctor gives it.
  await eventually(async () => {
    const doctor = await runCommand(['doctor', '--output', 'json'], onDefaultQueue);
    expect((JSON.parse(doctor.stdout) as { checks: unknown[] }).checks).toContainEqual(
      expect.objectContaining({ check: 'workers: workflows', status: 'ok', message: expect.stringContaining(version) }),
    );
  });
});

/** The programs that the commands name, by these names. */
async function programsFolder(): Promise<string> {
  const folder = await temporaryFolder();
  const cliPath = readConfig().temporalCliPath;
  const temporal = await findTemporalBinary({ cliPath, onNote: () => undefined });
  await symlink(temporal.path, path.join(folder, 'temporal'));
  const program = `#!/bin/sh\nexec '${process.execPath}' '${inject('programPath')}' "$@"\n`;
  await writeFile(path.join(folder, 'runcomfy-temporal'), program, { mode: 0o755 });
  return folder;
}
