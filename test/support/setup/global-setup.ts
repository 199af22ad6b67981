import { Connection } from '@temporalio/client';
import type { TestProject } from 'vitest/node';
import { startEmbeddedServer } from '../../../cli/dev-server/server.ts';
import { findTemporalBinary } from '../../../cli/dev-server/temporal-binary.ts';
import { readConfig } from '../../../config/env.ts';
import { loadTemporalConnection } from '../../../config/temporal.ts';
import { searchAttributes } from '../../../domain/names.ts';
import { hangMs } from '../patience.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The server all server tests share. */
    temporalAddress: string;
    temporalNamespace: string;
  }
}

/** What no test relies on, and the product never does. */
const dynamicConfig = [
  // Timers of a default server wait a second at least; short delays are only short with this.
  'history.timerProcessorMaxTimeShift="1ms"',
  // Metrics that nobody reads, of task queues of which each test has its own: an eleventh of what the server computes.
  'metrics.breakdownByTaskQueue=false',
  'metrics.breakdownByPartition=false',
].flatMap((value) => ['--dynamic-config-value', value]);

/** Gives the server tests one Temporal server per run. No server is a failure, never a reason to skip. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const configured = loadTemporalConnection();
  if (configured.isConfigured) {
    const { address } = configured.connectionOptions;
    await Connection.connect({ ...configured.connectionOptions, connectTimeout: 10_000 }).then(
      (connection) => connection.close(),
      (error: unknown) => {
        throw new Error(
          `The tests cannot reach Temporal at ${address} (${String(error)}): correct TEMPORAL_ADDRESS, or unset it to let them start a server.`,
        );
      },
    );
    project.provide('temporalAddress', address);
    project.provide('temporalNamespace', configured.namespace);
    return () => Promise.resolve();
  }
  const { path } = await findTemporalBinary({
    cliPath: readConfig().temporalCliPath,
    onNote: (sentence) => {
      process.stderr.write(`${sentence}\n`);
    },
  });
  // What all tests share collects what it forgot only where it has taken so much: a seventh less to compute.
  Object.assign(process.env, { GOGC: 'off', GOMEMLIMIT: '2GiB' });
  const server = await startEmbeddedServer({
    cliPath: path,
    uiPort: false,
    searchAttributes,
    extraArgs: dynamicConfig,
    startTimeoutMs: hangMs,
  });
  // Servers that tests start of their own, and Go's tools.
  delete process.env['GOMEMLIMIT'];
  process.env['GOGC'] = '400';
  project.provide('temporalAddress', server.address);
  project.provide('temporalNamespace', server.namespace);
  return () => server.stop();
}
