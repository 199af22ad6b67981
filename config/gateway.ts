import { resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { withoutUndefined } from '../domain/json.ts';
import { defaultUnknownPolicies, type DefaultUnknownPolicy } from '../domain/unknown-submission.ts';
import { secretFile } from './environment.ts';
import { type ListenAddress, listenAddress } from './listen-address.ts';
import { type OidcConfig, oidcConfigOf, oidcVariables } from './oidc.ts';

/** What a gateway is configured with. */
export interface GatewayConfig {
  readonly address: ListenAddress;
  /** The origin that clients use, without a trailing slash. Missing: the origin of each request. */
  readonly publicUrl?: string;
  /** Host names, in lower case, that requests may name in addition to that of the public URL. */
  readonly allowedHosts?: readonly string[];
  /** File with the API keys. */
  readonly keysFile?: string;
  /** The same document as a value; it holds only digests of keys. */
  readonly keys?: string;
  /** The issuer whose tokens are accepted in addition to API keys. */
  readonly oidc?: OidcConfig;
  /** Exact origins whose pages may call. */
  readonly corsOrigins?: readonly string[];
  /** Addresses and CIDRs of proxies whose `X-Forwarded-*` count. */
  readonly trustProxy?: readonly string[];
  /** How long a submit waits for an early refusal by RunComfy, in milliseconds. */
  readonly submitGraceMs: number;
  readonly onUnknownSubmission: DefaultUnknownPolicy;
  /** The time between "not ready" and "no new connections", in milliseconds. */
  readonly drainMs: number;
}

/** The origin in a URL as clients write it: only scheme, host and port. Undefined if it holds more. */
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

const listOf = (text: string): string[] => text.split(',').map((part) => part.trim());

const origins = z
  .string()
  .transform((text) => listOf(text).map(parseOrigin))
  .refine(
    (parsed): parsed is string[] => !parsed.includes(undefined),
    `${originSentence}, several with commas; never *`,
  );

const networks = z
  .string()
  .transform(listOf)
  .refine(
    (parts) => parts.every((part) => ipaddr.isValid(part) || ipaddr.isValidCIDR(part)),
    'expected addresses or networks of proxies separated by commas, such as 10.0.0.0/8',
  );

const milliseconds = (upTo: number) =>
  z
    .string()
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) <= upTo, `expected milliseconds from 0 to ${String(upTo)}`)
    .transform(Number);

/** The gateway's variables. */
export const gatewayVariables = {
  ...oidcVariables,
  RUNCOMFY_GATEWAY_ADDRESS: listenAddress.optional(),
  RUNCOMFY_GATEWAY_PUBLIC_URL: origin.optional(),
  RUNCOMFY_GATEWAY_ALLOWED_HOSTS: hostNames.optional(),
  RUNCOMFY_GATEWAY_KEYS_FILE: secretFile.optional(),
  RUNCOMFY_GATEWAY_KEYS: z.string().optional(),
  RUNCOMFY_GATEWAY_CORS_ORIGINS: origins.optional(),
  RUNCOMFY_GATEWAY_TRUST_PROXY: networks.optional(),
  RUNCOMFY_GATEWAY_SUBMIT_GRACE_MS: milliseconds(30_000).optional(),
  RUNCOMFY_GATEWAY_ON_UNKNOWN: z
    .enum(defaultUnknownPolicies, `expected ${defaultUnknownPolicies.join(' or ')}`)
    .optional(),
  RUNCOMFY_GATEWAY_DRAIN_MS: milliseconds(20_000).optional(),
};

type GatewayValues = z.output<z.ZodObject<typeof gatewayVariables>>;

/** The gateway's settings from a parsed environment. Adds to `problems` settings that contradict each other. */
export function gatewayConfigOf(values: GatewayValues, problems: string[]): GatewayConfig {
  const keysFile = values.RUNCOMFY_GATEWAY_KEYS_FILE;
  return withoutUndefined({
    address: values.RUNCOMFY_GATEWAY_ADDRESS ?? { host: '127.0.0.1', port: 8090 },
    publicUrl: values.RUNCOMFY_GATEWAY_PUBLIC_URL,
    allowedHosts: values.RUNCOMFY_GATEWAY_ALLOWED_HOSTS,
    keysFile: keysFile === undefined ? undefined : resolve(keysFile),
    keys: values.RUNCOMFY_GATEWAY_KEYS,
    oidc: oidcConfigOf(values, problems),
    corsOrigins: values.RUNCOMFY_GATEWAY_CORS_ORIGINS,
    trustProxy: values.RUNCOMFY_GATEWAY_TRUST_PROXY,
    submitGraceMs: values.RUNCOMFY_GATEWAY_SUBMIT_GRACE_MS ?? 0,
    onUnknownSubmission: values.RUNCOMFY_GATEWAY_ON_UNKNOWN ?? 'hold',
    drainMs: values.RUNCOMFY_GATEWAY_DRAIN_MS ?? 5_000,
  });
}
