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
    /** Address of the server that all server tests share. */
    temporalAddress: string;
    temporalNamespace: string;
  }
}

/** Server settings that no test relies on, and the product never does. */
const dynamicConfig = [
  // By default, a server's timers wait at least a second; this makes short delays short.
  'history.timerProcessorMaxTimeShift="1ms"',
  // Turns off metrics per task queue, which nobody reads. Each test has a queue of its own, and they take an eleventh
  // of the server's CPU time.
  'metrics.breakdownByTaskQueue=false',
  'metrics.breakdownByPartition=false',
].flatMap((value) => ['--dynamic-config-value', value]);

/** Starts one Temporal server per run for all server tests. If that fails, the run fails; tests are never skipped. */
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
  // The shared server collects garbage only when it reaches this much memory, which saves a seventh of its CPU time.
  Object.assign(process.env, { GOGC: 'off', GOMEMLIMIT: '2GiB' });
  const server = await startEmbeddedServer({
    cliPath: path,
    uiPort: false,
    searchAttributes,
    extraArgs: dynamicConfig,
    startTimeoutMs: hangMs,
  });
  // For servers that tests start themselves, and for Go's tools.
  delete process.env['GOMEMLIMIT'];
  process.env['GOGC'] = '400';
  project.provide('temporalAddress', server.address);
  project.provide('temporalNamespace', server.namespace);
  return () => server.stop();
}
