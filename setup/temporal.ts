import { Client, Connection, type ConnectionLike, type ConnectionOptions } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type { Config } from '../config/env.ts';
import { grpcProxyVariable } from '../config/grpc-proxy.ts';
import { isLoopback } from '../config/loopback.ts';
import { loadTemporalConnection, type TemporalConnectionConfig } from '../config/temporal.ts';
import { grpcReasonOf } from '../domain/grpc-reason.ts';
import { loadPayloadCodec } from './payload-codec.ts';

/** How a server is reached: what the environment says, or a server that was started here. */
export type TemporalSettings = Pick<TemporalConnectionConfig, 'connectionOptions' | 'namespace'> & {
  dataConverter?: DataConverter;
};

/** A connection to Temporal and the client that goes with it; both end with `close`. */
export interface OpenTemporal<C extends ConnectionLike = ConnectionLike> {
  connection: C;
  client: Client;
  namespace: string;
  address: string;
  dataConverter?: DataConverter;
  close: () => Promise<void>;
}

/** No connection to Temporal came about. */
export class TemporalUnreachableError extends Error {
  override readonly name = 'TemporalUnreachableError';
  readonly type = 'TemporalUnreachable';
}

/** Temporal's standard variables and profiles, with the payload codec where one is configured. */
export async function loadTemporalSettings(config: Config): Promise<TemporalSettings> {
  const { connectionOptions, namespace } = loadTemporalConnection();
  const codec = await loadPayloadCodec(config);
  return { connectionOptions, namespace, ...(codec && { dataConverter: { payloadCodecs: [codec] } }) };
}

/** Connects; `TemporalUnreachableError` names the address that gave no answer. */
export function openTemporal(
  settings: TemporalSettings,
  { isImpatient = false }: { isImpatient?: boolean } = {},
): Promise<OpenTemporal<Connection>> {
  const variable = grpcProxyVariable();
  const isDirect = isLocal(settings.connectionOptions.address);
  const advice =
    variable === undefined || isDirect
      ? ''
      : `; the environment's ${variable} leads through a proxy: list the host in no_proxy if it is none for Temporal`;
  const more: ConnectionOptions = {
    ...(isDirect && { channelArgs: { 'grpc.enable_http_proxy': 0 } }),
    // By default a call that fails is repeated for most of a minute, whatever its deadline.
    ...(isImpatient && { interceptors: [] }),
  };
  return openTemporalBy((options) => Connection.connect({ ...options, ...more }), settings, advice);
}

/** Connects by a kind of connection that the caller brings: the worker's own, for instance. */
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

/** Whether an address, `host:port`, is on this machine. */
function isLocal(address: string): boolean {
  return isLoopback(address.replace(/:\d+$/, ''));
}

/** A gRPC library may print the header that it cannot send. */
function withoutSecrets(text: string, { apiKey, metadata = {} }: TemporalSettings['connectionOptions']): string {
  const secrets = [apiKey, ...Object.values(metadata)].filter((value) => typeof value === 'string' && value !== '');
  return secrets.reduce<string>((clean, secret) => clean.replaceAll(String(secret), '[secret]'), text);
}
