import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { withoutUndefined } from '../domain/json.ts';
import { defaultTaskQueue } from '../domain/names.ts';
import { ConfigError } from './config-error.ts';
import { cleanEnvironment, secretFile } from './environment.ts';
import { type GatewayConfig, gatewayConfigOf, gatewayVariables } from './gateway.ts';
import { type ListenAddress, listenAddress } from './listen-address.ts';
import { isLoopback } from './loopback.ts';
import { type NexusConfig, nexusConfigOf, nexusVariables } from './nexus.ts';
import { parseProxies, type ProxySetting } from './proxies.ts';
import { failForMissingToken, parseToken, type TokenSetting } from './token.ts';
import { type WebhookConfig, webhookConfigOf, webhookVariables } from './webhooks.ts';

export { ConfigError } from './config-error.ts';

const defaultModelApiBase = 'https://model-api.runcomfy.net/v1';
const defaultServerlessApiBase = 'https://api.runcomfy.net/prod/v2';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export type LogLevel = (typeof logLevels)[number];

/** Temporal's Worker Versioning, on only when both names are set. */
export interface WorkerVersion {
  deploymentName: string;
  buildId: string;
}

/** The environment, read once. It holds no secret: the token is read only through `tokenSource`. */
export interface Config {
  readonly hasToken: boolean;
  /** Set by all common CI services; nothing that costs money runs there. */
  readonly isCi: boolean;
  readonly token?: TokenSetting;
  /** Without a trailing slash. */
  readonly modelApiBase: string;
  /** Missing when only the model base was overridden: the token must not go to another installation. */
  readonly serverlessApiBase?: string;
  /** Host and port whose files can be fetched by RunComfy, if it is a simulator, though by nobody else. */
  readonly mediaHost?: string;
  readonly proxies?: ProxySetting;
  readonly taskQueue: string;
  readonly submitsPerSecond?: number;
  readonly readsPerSecond?: number;
  /** Parallel POSTs of one worker. */
  readonly maxConcurrentSubmits?: number;
  /** Slots for concurrent reads and cancels of one worker. */
  readonly maxConcurrentReads?: number;
  /** Generations that one worker keeps in memory between two steps. */
  readonly maxCachedWorkflows?: number;
  /** Missing if this user has no home folder and no variable names another one. */
  readonly stateDir?: string;
  readonly healthAddress?: ListenAddress;
  readonly metricsAddress?: ListenAddress;
  /** File with the keys of the payload codec. Unset: payloads are not encrypted. */
  readonly codecKeysFile?: string;
  readonly logLevel: LogLevel;
  readonly temporalCliPath?: string;
  readonly workerVersion?: WorkerVersion;
  /** Set if workers offer the Nexus service `runcomfy`. */
  readonly nexus?: NexusConfig;
  readonly gateway: GatewayConfig;
  readonly webhooks: WebhookConfig;
}

const baseUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    context.addIssue({ code: 'custom', message: `expected a URL like ${defaultModelApiBase}` });
    return z.NEVER;
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    context.addIssue({ code: 'custom', message: 'a base URL has no user, password, query or fragment' });
    return z.NEVER;
  }
  return url.href.replace(/\/+$/, '');
});

const perSecond = z
  .string()
  .transform(Number)
  .refine(
    (value) => Number.isFinite(value) && value > 0,
    'expected a number above 0, such as 5 or 0.5; leave it unset for no limit',
  );

const wholeCount = z
  .string()
  .refine(
    (text) => /^[1-9]\d{0,5}$/.test(text),
    'expected a whole number from 1 to 999999; leave it unset for the default',
  )
  .transform(Number);

const environment = z.object({
  RUNCOMFY_MODEL_API_BASE: baseUrl.optional(),
  RUNCOMFY_SERVERLESS_API_BASE: baseUrl.optional(),
  RUNCOMFY_MEDIA_HOST: z
    .string()
    .regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/, 'expected a host and its port, such as 127.0.0.1:7788')
    .optional(),
  RUNCOMFY_TASK_QUEUE: z.string().max(200, 'expected at most 200 characters').optional(),
  RUNCOMFY_SUBMITS_PER_SECOND: perSecond.optional(),
  RUNCOMFY_READS_PER_SECOND: perSecond.optional(),
  RUNCOMFY_MAX_CONCURRENT_SUBMITS: wholeCount.optional(),
  RUNCOMFY_MAX_CONCURRENT_READS: wholeCount.optional(),
  RUNCOMFY_MAX_CACHED_WORKFLOWS: wholeCount.optional(),
  RUNCOMFY_STATE_DIR: z.string().optional(),
  RUNCOMFY_HEALTH_ADDRESS: listenAddress.optional(),
  RUNCOMFY_METRICS_ADDRESS: listenAddress.optional(),
  RUNCOMFY_CODEC_KEYS_FILE: secretFile.optional(),
  RUNCOMFY_LOG_LEVEL: z.enum(logLevels, `expected one of ${logLevels.join(', ')}`).optional(),
  TEMPORAL_CLI_PATH: z.string().optional(),
  TEMPORAL_DEPLOYMENT_NAME: z.string().optional(),
  TEMPORAL_WORKER_BUILD_ID: z.string().optional(),
  XDG_STATE_HOME: z.string().optional(),
  CI: z.string().optional(),
  ...gatewayVariables,
  ...nexusVariables,
  ...webhookVariables,
});

/** Reads the environment; throws one `ConfigError` that lists every problem. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];
  const clean = cleanEnvironment(onlyOurs(env), problems);
  const parsed = environment.safeParse(clean);
  for (const issue of parsed.error?.issues ?? []) problems.push(`${issue.path.join('.')}: ${issue.message}.`);
  const token = parseToken(clean, problems);
  const proxies = parseProxies(env, problems);
  const values = parsed.data;
  if (values === undefined) {
    const wrong = new Set(parsed.error.issues.map(({ path: [name] }) => name));
    const right = environment.safeParse(Object.fromEntries(Object.entries(clean).filter(([name]) => !wrong.has(name))));
    throw new ConfigError(problems, { gateway: right.data && gatewayConfigOf(right.data, []) });
  }

  const modelApiBase = values.RUNCOMFY_MODEL_API_BASE ?? defaultModelApiBase;
  const serverlessApiBase =
    values.RUNCOMFY_SERVERLESS_API_BASE ??
    (modelApiBase === defaultModelApiBase ? defaultServerlessApiBase : undefined);
  refusePlainHttp('RUNCOMFY_MODEL_API_BASE', modelApiBase, token, problems);
  if (serverlessApiBase !== undefined)
    refusePlainHttp('RUNCOMFY_SERVERLESS_API_BASE', serverlessApiBase, token, problems);

  if (values.RUNCOMFY_MEDIA_HOST !== undefined && modelApiBase === defaultModelApiBase) {
    problems.push(
      'RUNCOMFY_MEDIA_HOST is for a simulator: RunComfy itself fetches from public addresses alone; unset it.',
    );
  }

  const { TEMPORAL_DEPLOYMENT_NAME: deploymentName, TEMPORAL_WORKER_BUILD_ID: buildId } = values;
  if ((deploymentName === undefined) !== (buildId === undefined)) {
    problems.push(
      'TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID turn on Worker Versioning together: set both or neither.',
    );
  }
  const gateway = gatewayConfigOf(values, problems);
  const nexus = nexusConfigOf(values, problems);
  if (problems.length > 0) throw new ConfigError(problems, { gateway });

  const stateDir = values.RUNCOMFY_STATE_DIR ?? defaultStateDir(values.XDG_STATE_HOME);
  return deepFreeze(
    withoutUndefined({
      hasToken: token !== undefined,
      isCi: values.CI !== undefined && !['false', '0'].includes(values.CI),
      token,
      modelApiBase,
      serverlessApiBase,
      mediaHost: values.RUNCOMFY_MEDIA_HOST,
      proxies,
      taskQueue: values.RUNCOMFY_TASK_QUEUE ?? defaultTaskQueue,
      submitsPerSecond: values.RUNCOMFY_SUBMITS_PER_SECOND,
      readsPerSecond: values.RUNCOMFY_READS_PER_SECOND,
      maxConcurrentSubmits: values.RUNCOMFY_MAX_CONCURRENT_SUBMITS,
      maxConcurrentReads: values.RUNCOMFY_MAX_CONCURRENT_READS,
      maxCachedWorkflows: values.RUNCOMFY_MAX_CACHED_WORKFLOWS,
      stateDir: stateDir === undefined ? undefined : resolve(stateDir),
      healthAddress: values.RUNCOMFY_HEALTH_ADDRESS,
      metricsAddress: values.RUNCOMFY_METRICS_ADDRESS,
      codecKeysFile:
        values.RUNCOMFY_CODEC_KEYS_FILE === undefined ? undefined : resolve(values.RUNCOMFY_CODEC_KEYS_FILE),
      logLevel: values.RUNCOMFY_LOG_LEVEL ?? 'info',
      temporalCliPath: values.TEMPORAL_CLI_PATH,
      workerVersion: deploymentName === undefined || buildId === undefined ? undefined : { deploymentName, buildId },
      nexus,
      gateway,
      webhooks: webhookConfigOf(values),
    }),
  );
}

/**
 * The folder of everything that outlives a worker. Throws a `ConfigError` that says which variable to set if there is
 * no home folder.
 */
export function stateDirOf({ stateDir }: Config): string {
  if (stateDir !== undefined) return stateDir;
  throw new ConfigError([
    'RUNCOMFY_STATE_DIR is not set and this user has no home folder: name a folder that this user may write.',
  ]);
}

/** A function that returns the current token, so that a rotated token file takes effect without a restart. */
export function tokenSource(config: Config): () => Promise<string> {
  return config.token?.read ?? failForMissingToken;
}

/** Temporal's own variables are checked by `loadTemporalConnection`. */
function onlyOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => name.startsWith('RUNCOMFY_') || name in environment.shape),
  );
}

/**
 * Over plain http, everyone along the way can read the token. It is allowed on loopback, where there is nobody, and for
 * `sim-…` tokens, which are worth nothing.
 */
function refusePlainHttp(name: string, base: string, token: TokenSetting | undefined, problems: string[]): void {
  const { protocol, hostname } = new URL(base);
  if (protocol === 'https:' || isLoopback(hostname) || token?.isSimulated === true) return;
  problems.push(
    `${name}: plain http would send the token readably to ${hostname}; use https (http is for loopback addresses and simulator tokens, sim-…).`,
  );
}

function defaultStateDir(xdgStateHome: string | undefined): string | undefined {
  const home = xdgStateHome === undefined ? homeFolder() : undefined;
  const state = xdgStateHome ?? (home === undefined ? undefined : join(home, '.local', 'state'));
  return state === undefined ? undefined : join(state, 'runcomfy-temporal');
}

/** Node throws for a user without a passwd entry and without HOME, as there may be in a container. */
function homeFolder(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  }
  return Object.freeze(value);
}
