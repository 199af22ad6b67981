import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { type EmbeddedServer, startEmbeddedServer } from '../../../cli/dev-server/server.ts';
import { findTemporalBinary } from '../../../cli/dev-server/temporal-binary.ts';
import { readConfig } from '../../../config/env.ts';
import { searchAttributes } from '../../../domain/names.ts';
import { bundleWorkflows } from '../../../worker/index.ts';

/** An in-memory dev server with default settings, a client of it, and workflow bundles for worker processes. */
export interface Stack {
  server: EmbeddedServer;
  serverVersion: string;
  client: Client;
  /** Files with the bundles of the product's workflows and of the plain ones. */
  bundles: { ours: string; plain: string };
  close: () => Promise<void>;
}

/** Starts everything that a measurement needs except its worker processes. */
export async function startStack(): Promise<Stack> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-bundles-'));
  const ours = path.join(folder, 'ours.cjs');
  const plain = path.join(folder, 'plain.cjs');
  await writeFile(ours, (await bundleWorkflows()).code);
  const workflowsPath = fileURLToPath(new URL('plain-workflows.ts', import.meta.url));
  await writeFile(plain, (await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') })).code);

  const binary = await findTemporalBinary({ cliPath: readConfig().temporalCliPath, onNote: say });
  const server = await startEmbeddedServer({ cliPath: binary.path, uiPort: false, searchAttributes });
  const connection = await Connection.connect({ address: server.address });
  return {
    server,
    serverVersion: binary.version,
    client: new Client({ connection }),
    bundles: { ours, plain },
    async close() {
      await connection.close();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
