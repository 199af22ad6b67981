import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client,
  Connection,
  type ConnectionLike,
  type ConnectionOptions,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type { Config } from '../config/env.ts';
import { grpcProxyVariable } from '../config/grpc-proxy.ts';
import { isLoopback } from '../config/loopback.ts';
import { loadTemporalConnection, type TemporalConnectionConfig } from '../config/temporal.ts';
import { grpcReasonOf } from '../domain/grpc-reason.ts';
import { loadPayloadCodec } from './payload-codec.ts';

/** How a server is reached: as the environment says, or a server that was started here. */
export type TemporalSettings = Pick<TemporalConnectionConfig, 'connectionOptions' | 'namespace'> & {
  dataConverter?: DataConverter;
};

/** A connection to Temporal and its client; `close` ends both. */
export interface OpenTemporal<C extends ConnectionLike = ConnectionLike> {
  connection: C;
  client: Client;
  namespace: string;
  address: string;
  dataConverter?: DataConverter;
  close: () => Promise<void>;
}

/** Thrown when no connection to Temporal could be made. */
export class TemporalUnreachableError extends Error {
  override readonly name = 'TemporalUnreachableError';
  readonly type = 'TemporalUnreachable';
}

/** Settings from Temporal's standard variables and profiles, with the payload codec if one is configured. */
export async function loadTemporalSettings(config: Config): Promise<TemporalSettings> {
  const { connectionOptions, namespace } = loadTemporalConnection();
  return await settingsFor({ connectionOptions, namespace }, config);
}

/** Settings for the given server, with the payload codec if one is configured. */
export async function settingsFor(
  server: Omit<TemporalSettings, 'dataConverter'>,
  config: Config,
): Promise<TemporalSettings> {
  const codec = await loadPayloadCodec(config);
  return { ...server, ...(codec && { dataConverter: { payloadCodecs: [codec] } }) };
}

/** How a connection behaves while the server is away. */
export interface Impatience {
  /** Failed calls are not retried. */
  isImpatient?: boolean;
  /** Connects on first use and reconnects quickly; the server may be away for any length of time. */
  isLazy?: boolean;
  /** Called with the name of each RPC, as in Temporal's API. */
  onCall?: (call: string) => void;
}

/**
 * The SDK intends this limit, but sets it under a name that gRPC does not know, which leaves gRPC's 4 MiB. Three events
 * of a history may be larger.
 */
const longestReplyBytes = 128 * 1024 * 1024;

/** Connects to Temporal. Throws a `TemporalUnreachableError` that names the address if there is no answer. */
export async function openTemporal(
  settings: TemporalSettings,
  { isImpatient = false, isLazy = false, onCall }: Impatience = {},
): Promise<OpenTemporal<Connection>> {
  const variable = grpcProxyVariable();
  const isDirect = isLocal(settings.connectionOptions.address);
  const advice =
    variable === undefined || isDirect
      ? ''
      : `; the environment's ${variable} leads through a proxy: list the host in no_proxy if it is none for Temporal`;
  const retries = retriesUntilClosed();
  const more: ConnectionOptions = {
    channelArgs: {
      'grpc.max_receive_message_length': longestReplyBytes,
      ...('channelArgs' in settings.connectionOptions &&
        (settings.connectionOptions.channelArgs as Record<string, string | number> | undefined)),
      ...(isDirect && { 'grpc.enable_http_proxy': 0 }),
      ...(isLazy && soonAgain),
    },
    // By default, a failed call is retried for most of a minute, regardless of its deadline.
    interceptors: [...(isImpatient ? [] : [retries.interceptor]), ...(onCall ? [teller(onCall)] : [])],
  };
  const connect = async (options: ConnectionOptions) => {
    const connection = Connection.lazy(options);
    try {
      if (!isLazy) await connection.ensureConnected();
    } catch (error) {
      // gRPC would keep trying for as long as the process lives.
      await connection.close();
      throw error;
    }
    return connection;
  };
  const opened = await openTemporalBy((options) => connect({ ...options, ...more }), settings, advice);
  return {
    ...opened,
    close: async () => {
      await retries.end();
      await opened.close();
    },
  };
}

type GrpcInterceptor = NonNullable<ConnectionOptions['interceptors']>[number];

/** Placed after the retries, so that it reports each of them. */
function teller(onCall: (call: string) => void): GrpcInterceptor {
  return (options, nextCall) => {
    onCall(options.method_definition.path.split('/').at(-1) ?? '');
    // Despite its types, the library needs no more than this.
    return nextCall(options) as ReturnType<GrpcInterceptor>;
  };
}

/**
 * The SDK's retries, made aware of `close`. They know of neither an abort nor a close: a retry that is due after the
 * connection is closed throws where nobody can catch it, which ends the process. So once `end` is called no retry is
 * scheduled, and those already scheduled are waited for.
 */
function retriesUntilClosed() {
  const { delayFunction, retryableDecider } = defaultGrpcRetryOptions();
  let isEnding = false;
  let lastDueAt = 0;
  const interceptor = makeGrpcRetryInterceptor({
    retryableDecider: (attempt, status) => !isEnding && retryableDecider(attempt, status),
    delayFunction: (attempt, status) => {
      const delayMs = delayFunction(attempt, status);
      lastDueAt = Math.max(lastDueAt, performance.now() + delayMs);
      return delayMs;
    },
  });
  const end = async () => {
    isEnding = true;
    const leftMs = lastDueAt - performance.now();
    if (leftMs > 0) await sleep(leftMs + timerSlackMs);
  };
  return { interceptor, end };
}

/** By default, the delay between reconnects grows to two minutes. */
const soonAgain = { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 1_000 };

/** A timer may fire late, and rounds to whole milliseconds. */
const timerSlackMs = 50;

/** Connects with a kind of connection that the caller brings, for instance the worker's. */
export async function openTemporalBy<C extends ConnectionLike>(
  connect: (options: TemporalSettings['connectionOptions']) => Promise<C>,
  { connectionOptions, namespace, dataConverter }: TemporalSettings,
  advice = '',
): Promise<OpenTemporal<C>> {
  const { address } = connectionOptions;
  const connection = await connect(connectionOptions).catch((error: unknown) => {
    const reason = withoutSecrets(grpcReasonOf(error), connectionOptions);
    throw new TemporalUnreachableError(
      `Temporal cannot be reached at ${address} (${reason}): check that the server is up, and TEMPORAL_ADDRESS and TEMPORAL_API_KEY${advice}`,
    );
  });
  const converter = dataConverter && { dataConverter };
  const client = new Client({ connection, namespace, ...converter });
  return { connection, client, namespace, address, ...converter, close: () => connection.close() };
}

/** Whether an address (`host:port`) is on this machine. */
function isLocal(address: string): boolean {
  return isLoopback(address.replace(/:\d+$/, ''));
}

/** Removes secrets from an error text: a gRPC library may print the header that it cannot send. */
function withoutSecrets(text: string, { apiKey, metadata = {} }: TemporalSettings['connectionOptions']): string {
  const secrets = [apiKey, ...Object.values(metadata)].filter((value) => typeof value === 'string' && value !== '');
  return secrets.reduce<string>((clean, secret) => clean.replaceAll(String(secret), '[secret]'), text);
}
