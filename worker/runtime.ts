import type { LogLevel as TemporalLogLevel } from '@temporalio/worker';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Config } from '../config/env.ts';

const pinoLevels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Installs Temporal's process-wide runtime: its logs go through ours, its metrics and ours to one Prometheus endpoint. */
export function installRuntime(config: Pick<Config, 'metricsAddress' | 'logLevel'>, log: Logger): void {
  const level: TemporalLogLevel = config.logLevel === 'debug' || config.logLevel === 'trace' ? 'DEBUG' : 'INFO';
  const { metricsAddress } = config;
  Runtime.install({
    logger: new DefaultLogger(level, ({ level: entryLevel, message, meta }) => {
      log[pinoLevels[entryLevel]](meta ?? {}, message);
    }),
    telemetryOptions: {
      logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
      ...(metricsAddress && {
        metrics: { prometheus: { bindAddress: `${metricsAddress.host}:${String(metricsAddress.port)}` } },
      }),
    },
    shutdownSignals: [],
  });
}
