import { DefaultLogger, Runtime, type RuntimeOptions, type LogLevel as TemporalLogLevel } from '@temporalio/worker';
import type { Logger } from 'pino';
import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/env.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import { messageOf } from '../domain/text.ts';

const pinoLevels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/**
 * The SDK's default buckets are for milliseconds from 50 on. These metrics are in USD, in reads and in milliseconds.
 */
const histogramBucketOverrides = {
  runcomfy_generation_cost: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25],
  runcomfy_generation_reads: [1, 2, 3, 5, 8, 13, 20, 35, 50, 100, 200, 500, 1_000],
  runcomfy_noticed_after: [10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000],
};

/** The SDK logs this warning at each start, for workers that are meant to run activities only. */
const withoutWorkflows = 'No workflows registered, not polling for workflow tasks';

/**
 * Installs Temporal's process-wide runtime. Its logs go through our logger; its metrics and ours go to one Prometheus
 * endpoint. Throws a `ConfigError` if that endpoint cannot listen.
 */
export function installRuntime(config: Pick<Config, 'metricsAddress' | 'logLevel'>, log: Logger): void {
  const level: TemporalLogLevel = config.logLevel === 'debug' || config.logLevel === 'trace' ? 'DEBUG' : 'INFO';
  const { metricsAddress } = config;
  const bindAddress = metricsAddress && addressOf(metricsAddress);
  const options: RuntimeOptions = {
    logger: new DefaultLogger(level, ({ level: entryLevel, message, meta }) => {
      const isMeantSo = message === withoutWorkflows;
      log[isMeantSo ? 'debug' : pinoLevels[entryLevel]](withoutTaskToken(meta), message);
    }),
    telemetryOptions: {
      logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
      ...(bindAddress !== undefined && { metrics: { prometheus: { bindAddress, histogramBucketOverrides } } }),
    },
    shutdownSignals: [],
  };
  try {
    Runtime.install(options);
  } catch (error) {
    const reason = messageOf(error);
    if (bindAddress === undefined || !/prometheus|socket address/i.test(reason)) throw error;
    throw new ConfigError([
      `RUNCOMFY_METRICS_ADDRESS: cannot listen on ${bindAddress} (${reason}); give each worker and each gateway of a machine an address of its own.`,
    ]);
  }
}

function addressOf({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}

/** Removes the task token: anyone who reads it could complete the task, and it is long enough to fill a screen. */
function withoutTaskToken(meta: object = {}): object {
  return Object.fromEntries(Object.entries(meta).filter(([name]) => name !== 'taskToken'));
}
