import { resolve } from 'node:path';
import { z } from 'zod';
import { withoutUndefined } from '../domain/json.ts';
import { type ListenAddress, listenAddress } from './listen-address.ts';

/** What a gateway is configured with. */
export interface GatewayConfig {
  readonly address: ListenAddress;
  /** Origin that clients use, without a slash at the end; missing: that of each request. */
  readonly publicUrl?: string;
  /** Host names, in small letters, that requests may name beside that of the public URL. */
  readonly allowedHosts?: readonly string[];
  /** File with the API keys. */
  readonly keysFile?: string;
  readonly onUnknownSubmission: 'hold' | 'fail';
  /** From "not ready" to "no new connections", milliseconds. */
  readonly drainMs: number;
}

/** An origin as clients use it: scheme, host and port alone. */
export function parseOrigin(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  const isOrigin = url.pathname === '/' && url.username + url.password + url.search + url.hash === '';
  return isOrigin && !/[?#@]/.test(text) ? url.origin : undefined;
}

export const originSentence = 'expected an origin like https://media.example.com, without path, query or login';

const origin = z.string().transform((text, context) => {
  const parsed = parseOrigin(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: originSentence });
  return z.NEVER;
});

const hostNames = z
  .string()
  .transform((text) => text.split(',').map((name) => name.trim().toLowerCase().replace(/\.$/, '')))
  .refine(
    (names) => names.every((name) => /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/.test(name)),
    'expected host names separated by commas, without scheme and port',
  );

const milliseconds = z
  .string()
  .refine((text) => /^\d{1,5}$/.test(text) && Number(text) <= 20_000, 'expected milliseconds from 0 to 20000')
  .transform(Number);

/** The gateway's variables. */
export const gatewayVariables = {
  RUNCOMFY_GATEWAY_ADDRESS: listenAddress.optional(),
  RUNCOMFY_GATEWAY_PUBLIC_URL: origin.optional(),
  RUNCOMFY_GATEWAY_ALLOWED_HOSTS: hostNames.optional(),
  RUNCOMFY_GATEWAY_KEYS_FILE: z.string().optional(),
  RUNCOMFY_GATEWAY_ON_UNKNOWN: z.enum(['hold', 'fail'], 'expected hold or fail').optional(),
  RUNCOMFY_GATEWAY_DRAIN_MS: milliseconds.optional(),
};

type GatewayValues = z.output<z.ZodObject<typeof gatewayVariables>>;

/** The gateway's settings of an environment that was read. */
export function gatewayConfigOf(values: GatewayValues): GatewayConfig {
  const keysFile = values.RUNCOMFY_GATEWAY_KEYS_FILE;
  return withoutUndefined({
    address: values.RUNCOMFY_GATEWAY_ADDRESS ?? { host: '127.0.0.1', port: 8090 },
    publicUrl: values.RUNCOMFY_GATEWAY_PUBLIC_URL,
    allowedHosts: values.RUNCOMFY_GATEWAY_ALLOWED_HOSTS,
    keysFile: keysFile === undefined ? undefined : resolve(keysFile),
    onUnknownSubmission: values.RUNCOMFY_GATEWAY_ON_UNKNOWN ?? 'hold',
    drainMs: values.RUNCOMFY_GATEWAY_DRAIN_MS ?? 5_000,
  });
}
