import { z } from 'zod';
import { isLoopback } from './loopback.ts';

/** Signatures by a key pair only: a shared secret, or none, proves nothing. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** Whose tokens the gateway accepts, and which claims it reads. */
export interface OidcConfig {
  /** Exactly as in the tokens. */
  readonly issuer: string;
  readonly audience: string;
  readonly tenantClaim: string;
  readonly scopeClaim: string;
  readonly algorithms: readonly string[];
}

/** Whether an issuer may be read at this URL: over https, or on this machine. */
export function isOidcUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username + url.password + url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

const claim = z.string().regex(/^[\w:./-]{1,200}$/, 'expected the name of a claim');

/** The environment variables for tokens. */
export const oidcVariables = {
  RUNCOMFY_GATEWAY_OIDC_ISSUER: z
    .string()
    .refine(
      (text) => isOidcUrl(text) && !text.includes('?'),
      'expected the https URL of an issuer (http is for loopback alone)',
    )
    .optional(),
  RUNCOMFY_GATEWAY_OIDC_AUDIENCE: z.string().max(500).optional(),
  RUNCOMFY_GATEWAY_OIDC_TENANT_CLAIM: claim.optional(),
  RUNCOMFY_GATEWAY_OIDC_SCOPE_CLAIM: claim.optional(),
  RUNCOMFY_GATEWAY_OIDC_ALGORITHMS: z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim()))
    .refine((names) => names.every((name) => algorithms.includes(name)), `expected some of ${algorithms.join(', ')}`)
    .optional(),
};

/** The settings for tokens; undefined if none are accepted. Adds a problem if they contradict each other. */
export function oidcConfigOf(
  values: z.output<z.ZodObject<typeof oidcVariables>>,
  problems: string[],
): OidcConfig | undefined {
  const {
    RUNCOMFY_GATEWAY_OIDC_ISSUER: issuer,
    RUNCOMFY_GATEWAY_OIDC_AUDIENCE: audience,
    RUNCOMFY_GATEWAY_OIDC_TENANT_CLAIM: tenantClaim = 'tenant',
    RUNCOMFY_GATEWAY_OIDC_SCOPE_CLAIM: scopeClaim = 'scope',
    RUNCOMFY_GATEWAY_OIDC_ALGORITHMS: chosen = ['RS256', 'PS256', 'ES256', 'EdDSA'],
  } = values;
  if ((issuer === undefined) !== (audience === undefined)) {
    problems.push(
      'RUNCOMFY_GATEWAY_OIDC_ISSUER and RUNCOMFY_GATEWAY_OIDC_AUDIENCE turn tokens on together: set both or neither.',
    );
  }
  if (issuer === undefined || audience === undefined) return undefined;
  return { issuer, audience, tenantClaim, scopeClaim, algorithms: chosen };
}
