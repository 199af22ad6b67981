import { existsSync } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { messageOf } from '../domain/text.ts';
import { ConfigError } from './config-error.ts';

const defaultAddress = 'localhost:7233';

/** Temporal's connection as its standard `TEMPORAL_*` variables and profiles describe it. */
export interface TemporalConnectionConfig {
  /** For `Connection.connect` and `NativeConnection.connect`. */
  connectionOptions: ReturnType<typeof loadClientConnectConfig>['connectionOptions'] & { address: string };
  namespace: string;
  /** Whether the user named a server (address, profile or configuration file) rather than leaving it to the default. */
  isConfigured: boolean;
}

/** Reads `TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE` and their like with Temporal's own library. */
export function loadTemporalConnection(env: NodeJS.ProcessEnv = process.env): TemporalConnectionConfig {
  const variables = withoutBlanks(env);
  const file = variables['TEMPORAL_CONFIG_FILE'];
  if (file !== undefined && !existsSync(file)) {
    throw new ConfigError([`TEMPORAL_CONFIG_FILE names ${file}, which does not exist; correct the path or unset it.`]);
  }
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars: variables });
    const isConfigured = ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'].some(
      (name) => name in variables,
    );
    const given = Object.fromEntries(Object.entries(connectionOptions).filter(([, value]) => value !== undefined));
    return {
      connectionOptions: { ...given, address: connectionOptions.address ?? defaultAddress },
      namespace: namespace ?? 'default',
      isConfigured,
    };
  } catch (error) {
    const reason = messageOf(error);
    throw new ConfigError([
      `Temporal's connection settings cannot be read (${reason}); check TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and the TEMPORAL_TLS… variables.`,
    ]);
  }
}

/** Compose files pass unset variables on as empty ones; only an empty `TEMPORAL_GRPC_META_…` has a meaning (it removes a header). */
function withoutBlanks(env: NodeJS.ProcessEnv): Record<string, string> {
  const isBlank = (name: string, value: string) =>
    value.trim() === '' && name.startsWith('TEMPORAL_') && !name.startsWith('TEMPORAL_GRPC_META_');
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value === undefined || isBlank(name, value) ? [] : [[name, value]],
    ),
  );
}
