import { DefaultLogger, Runtime, type LogLevel as TemporalLogLevel } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Config } from '../config/env.ts';

const pinoLevels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** The SDK's own buckets are made for milliseconds from 50 on; these are USD, reads and milliseconds of ours. */
const histogramBucketOverrides = {
  runcomfy_generation_cost: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25],
  runcomfy_generation_reads: [1, 2, 3, 5, 8, 13, 20, 35, 50, 100, 200, 500, 1_000],
  runcomfy_noticed_after: [10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000],
};

/** The SDK warns of this at each start: of the queue of submits, which is for submits alone. */
const withoutWorkflows = 'No workflows registered, not polling for workflow tasks';

/** Installs Temporal's process-wide runtime: its logs go through ours, its metrics and ours to one Prometheus endpoint. */
export function installRuntime(config: Pick<Config, 'metricsAddress' | 'logLevel'>, log: Logger): void {
  const level: TemporalLogLevel = config.logLevel === 'debug' || config.logLevel === 'trace' ? 'DEBUG' : 'INFO';
  const { metricsAddress } = config;
  Runtime.install({
    logger: new DefaultLogger(level, ({ level: entryLevel, message, meta }) => {
      const isMeantSo = message === withoutWorkflows;
      log[isMeantSo ? 'debug' : pinoLevels[entryLevel]](withoutTaskToken(meta), message);
    }),
    telemetryOptions: {
      logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
      ...(metricsAddress && {
        metrics: {
          prometheus: {
            bindAddress: `${metricsAddress.host}:${String(metricsAddress.port)}`,
            histogramBucketOverrides,
          },
        },
      }),
    },
    shutdownSignals: [],
  });
}

/** A task token lets whoever reads it complete the task, and fills a screen. */
function withoutTaskToken(meta: object = {}): object {
  return Object.fromEntries(Object.entries(meta).filter(([name]) => name !== 'taskToken'));
}
