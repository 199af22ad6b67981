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
  const { blocks } = readPage('docs/operations.md');
  const [block] = blocks.filter(({ code }) => code.includes('set-current-version'));
  const [move] = blocks.filter(({ code }) => code.includes('update-options'));
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
  const commands = block?.code ?? 'exit 1';
  const first = await runInShell(commands, env);
  const { start, budgets } = createGenerationClient({ client });
  await budgets.create({ name: 'spring', limitUsd: 5 });
  await budgets.set('spring', { limitUsd: 6 });

  const result = await (await start(orderNamed('versioned'), { key: 'k' })).result();
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

  // A budget outlives the version that it began on, once it was moved.
  await runInShell(commands.replaceAll('2026-11-23', '2026-11-24'), env);
  await runInShell(move?.code.replace('NAME', 'spring') ?? 'exit 1', env);
  first.kill();
  await eventually(async () => {
    expect(await budgets.set('spring', { limitUsd: 7 })).toMatchObject({ limitUsd: 7 });
  });
});

/** Runs commands; what they leave in the background is one group of processes with their shell. */
async function runInShell(commands: string, env: Record<string, string>) {
  const shell = spawn('sh', ['-c', commands], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const kill = () => {
    try {
      process.kill(-(shell.pid ?? NaN), 'SIGKILL');
    } catch {
      // Nothing of it runs any more.
    }
  };
  onTestFinished(kill);
  const [code] = (await once(shell, 'exit')) as [number | null];
  expect(code, output).toBe(0);
  return { kill };
}

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
