import { existsSync } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { messageOf } from '../domain/text.ts';
import { ConfigError } from './config-error.ts';
import { cleanEnvironment, isQuoted, trimValue } from './environment.ts';

const defaultAddress = 'localhost:7233';

/** Temporal's library reads this variable and ignores it. */
const unverified = 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION';

/** Temporal's library takes any other word for false, and would then connect in plain text where TLS was intended. */
const flags = ['TEMPORAL_TLS', unverified];
const flagWords: Record<string, string> = { true: 'true', '1': 'true', false: 'false', '0': 'false' };

/** The connection to Temporal as its standard `TEMPORAL_*` variables and profiles describe it. */
export interface TemporalConnectionConfig {
  /** For `Connection.connect` and `NativeConnection.connect`. */
  connectionOptions: ReturnType<typeof loadClientConnectConfig>['connectionOptions'] & { address: string };
  namespace: string;
  /** Whether the user named a server (address, profile or configuration file) instead of relying on the default. */
  isConfigured: boolean;
}

/**
 * Reads `TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE` and related variables with Temporal's own library. No message holds a
 * secret.
 */
export function loadTemporalConnection(env: NodeJS.ProcessEnv = process.env): TemporalConnectionConfig {
  const problems: string[] = [];
  const variables = withFlags(cleanEnvironment(temporalPart(env), problems), problems);
  const file = variables['TEMPORAL_CONFIG_FILE'];
  if (file !== undefined && !existsSync(file)) {
    problems.push(`TEMPORAL_CONFIG_FILE names ${file}, which does not exist; correct the path or unset it.`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const { connectionOptions, namespace } = load(variables);
  const isConfigured = ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'].some(
    (name) => name in variables,
  );
  const given = Object.fromEntries(Object.entries(connectionOptions).filter(([, value]) => value !== undefined));
  const { apiKey, metadata } = connectionOptions;
  return {
    connectionOptions: {
      ...given,
      ...(apiKey !== undefined && { apiKey: checkApiKey(apiKey) }),
      ...(metadata && { metadata: checkHeaders(metadata) }),
      address: trimValue(connectionOptions.address ?? '') || defaultAddress,
    },
    namespace: trimValue(namespace ?? '') || 'default',
    isConfigured,
  };
}

function load(variables: Record<string, string>): ReturnType<typeof loadClientConnectConfig> {
  try {
    return loadClientConnectConfig({ overrideEnvVars: variables });
  } catch (error) {
    // After its first line, the message quotes lines of the file, which may hold an API key.
    const [reason = ''] = messageOf(error).split('\n');
    throw new ConfigError([
      `Temporal's connection settings cannot be read (${reason}); check TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and the TEMPORAL_TLS… variables.`,
    ]);
  }
}

/** Only Temporal's variables are checked here; `readConfig` checks the others. */
function temporalPart(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('RUNCOMFY_')));
}

function withFlags(variables: Record<string, string>, problems: string[]): Record<string, string> {
  for (const name of flags) {
    const value = variables[name];
    if (value === undefined) continue;
    const word = flagWords[value.toLowerCase()];
    if (word === undefined) problems.push(`${name}: expected true or false.`);
    else variables[name] = word;
  }
  if (variables[unverified] === 'true') {
    problems.push(
      `${unverified}: the server's certificate is always checked here; unset this, and name the certificate's authority in TEMPORAL_TLS_SERVER_CA_CERT_PATH and its host in TEMPORAL_TLS_SERVER_NAME.`,
    );
  }
  return variables;
}

/**
 * Checks the key before gRPC does: a profile may hold anything, and a gRPC library prints the header that it refuses.
 */
function checkApiKey(apiKey: unknown): string {
  const key = typeof apiKey === 'string' ? trimValue(apiKey) : '';
  if (/^[\x21-\x7e]+$/.test(key) && !isQuoted(key)) return key;
  throw new ConfigError([
    "TEMPORAL_API_KEY, or the profile's api_key, is no key: paste it again, in one line and without quotes.",
  ]);
}

function checkHeaders(metadata: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => {
      const header = typeof value === 'string' ? trimValue(value) : undefined;
      if (header !== undefined && /^[\x20-\x7e]*$/.test(header)) return [name, header];
      throw new ConfigError([
        `TEMPORAL_GRPC_META_${name.toUpperCase().replaceAll('-', '_')}, or the profile's grpc_meta, holds what no header may; correct it.`,
      ]);
    }),
  );
}
