import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { expect, it } from 'vitest';
import { findTemporalBinary } from '../../cli/dev-server/temporal-binary.ts';
import { readConfig } from '../../config/env.ts';
import { searchAttributeNames } from '../../domain/names.ts';
import { root } from '../support/docs.ts';
import { hangMs } from '../support/patience.ts';
import { temporaryFolder } from '../support/processes.ts';
import { startOwnServer } from '../support/server.ts';
import { onTestFinished } from '../support/test-end.ts';

const script = path.join(root, 'deploy', 'temporal', 'setup-namespace.sh');
const namespace = 'fresh';

it('makes a namespace whose search attributes can be used at once, and may run again', async () => {
  const server = await startOwnServer();
  onTestFinished(() => server.stop());
  const binary = await findTemporalBinary({ cliPath: readConfig().temporalCliPath, onNote: () => undefined });
  // It waits a little where it has to, and never a minute.
  const folder = await temporaryFolder();
  const slept = path.join(folder, 'slept');
  await writeFile(path.join(folder, 'sleep'), `#!/bin/sh\necho "$1" >>'${slept}'\nexec /bin/sleep "$1"\n`, {
    mode: 0o755,
  });
  const env = {
    PATH: `${folder}${path.delimiter}${path.dirname(binary.path)}${path.delimiter}${String(process.env['PATH'])}`,
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_NAMESPACE: namespace,
  };
  const setUp = () => promisify(execFile)('sh', [script], { env });
  expect((await setUp()).stdout).toContain(`Namespace ${namespace} is ready.`);

  const connection = await Connection.connect({ address: server.address, connectTimeout: hangMs });
  onTestFinished(() => connection.close());
  const client = new Client({ connection, namespace });
  const phase = defineSearchAttributeKey('RunComfyPhase', 'KEYWORD');
  await client.workflow.start('anything', {
    workflowId: 'k',
    taskQueue: 'nobody',
    typedSearchAttributes: [{ key: phase, value: 'succeeded' }],
  });
  const query = searchAttributeNames.map((name) => `${name} IS NULL`).join(' AND ');
  expect(await client.workflow.count(query)).toMatchObject({ count: 0 });
  expect((await setUp()).stdout).not.toContain('added');
  const seconds = (await readFile(slept, 'utf8').catch(() => '')).split('\n').map(Number);
  expect(seconds.reduce((sum, each) => sum + each, 0)).toBeLessThan(60);
});
