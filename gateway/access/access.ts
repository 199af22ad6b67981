import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { withoutUndefined } from '../../domain/json.ts';
import { RefusalError } from '../http/refusal-error.ts';
import type { AuthFailure } from '../metrics/gateway-metrics.ts';
import { apiKeyIdOf, isKeyOf } from './api-key.ts';
import { looksLikeJwt } from './jwt-tokens.ts';
import { type KeyRecord, scopeOf } from './key-records.ts';
import { anonymous, everyTenant, type Principal } from './principal.ts';

const maxFailures = 20;
const failuresOverMs = 60_000;

/** Who may call. */
export interface Access {
  /** Nobody has to show an API key. */
  isAnonymous: boolean;
  /** Says who calls, or refuses: in the same words whatever is wrong with a credential. */
  authenticate: (request: FastifyRequest) => Promise<Principal>;
  /** Whether who called is still taken for the same; no guess is counted, and what cannot be asked now is no refusal. */
  isStillAllowed: (request: FastifyRequest) => Promise<boolean>;
  /** Those that are known: of API keys, and none of tokens. */
  tenants: () => Promise<readonly string[]>;
}

/** Takes whoever comes: for loopback alone. */
export const anonymousAccess: Access = {
  isAnonymous: true,
  authenticate: () => Promise.resolve(anonymous),
  isStillAllowed: () => Promise.resolve(true),
  tenants: () => Promise.resolve([]),
};

/** What a credential is looked up by. */
export interface CredentialChecks {
  /** The records of API keys as they are at the time. */
  keys: () => Promise<KeyRecord[]>;
  /** Takes tokens of an issuer; undefined for one that is not valid. */
  tokens?: ((token: string) => Promise<Principal | undefined>) | undefined;
  /** Told of each credential that is not taken. */
  onFailure: (reason: AuthFailure) => void;
}

/** Takes API keys and tokens in `Authorization: Bearer`. */
export function createAccess(checks: CredentialChecks): Access {
  const { onFailure } = checks;
  const failures = new LRUCache<string, { count: number }>({ max: 10_000, ttl: failuresOverMs });
  return {
    isAnonymous: false,
    tenants: async () => (await checks.keys()).map(({ tenant }) => tenant),
    async isStillAllowed(request) {
      // Its end is known without the issuer, who may be away.
      const { expiresAt } = request.principal;
      if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) return false;
      try {
        const found = await findPrincipal(request, checks);
        return typeof found === 'object' && found.tenant === request.principal.tenant;
      } catch (error) {
        return !(error instanceof RefusalError && error.refusal === 'NotAllowed');
      }
    },
    async authenticate(request) {
      const address = request.ip;
      const failed = failures.get(address);
      if (failed && failed.count >= maxFailures) {
        onFailure('too_many');
        throw tooManyFailures(failures.getRemainingTTL(address));
      }
      const principal = await findPrincipal(request, checks).catch((error: unknown) => {
        if (error instanceof RefusalError)
          onFailure(error.refusal === 'NotAllowed' ? 'not_allowed' : 'issuer_unreachable');
        throw error;
      });
      if (typeof principal === 'object') return principal;
      onFailure(principal);
      // Who shows nothing guesses nothing.
      if (request.headers.authorization !== undefined) {
        // Counted by now: others may have failed since this call began.
        const count = (failures.get(address)?.count ?? 0) + 1;
        // The minute begins with the first, and once more with the one that fills it.
        failures.set(address, { count }, { noUpdateTTL: count !== maxFailures });
        if (count > maxFailures) throw tooManyFailures(failures.getRemainingTTL(address));
      }
      throw new RefusalError('NotAuthenticated', 'a valid API key is needed: Authorization: Bearer rct_…', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    },
  };
}

function tooManyFailures(forMs: number): RefusalError {
  const seconds = String(Math.max(Math.ceil(forMs / 1_000), 1));
  return new RefusalError('TooManyRequests', `too many wrong credentials from this address: wait ${seconds} s`, {
    headers: {
      'retry-after': seconds,
      'ratelimit-limit': String(maxFailures),
      'ratelimit-remaining': '0',
      'ratelimit-reset': seconds,
    },
  });
}

async function findPrincipal(
  { raw }: FastifyRequest,
  { keys, tokens }: CredentialChecks,
): Promise<Principal | AuthFailure> {
  const [header, ...more] = raw.headersDistinct['authorization'] ?? [];
  if (header === undefined) return 'missing';
  const [, credential] = /^Bearer +(\S+)$/i.exec(header) ?? [];
  if (credential === undefined || more.length > 0) return 'invalid';
  if (tokens && looksLikeJwt(credential)) return (await tokens(credential)) ?? 'invalid';
  const id = apiKeyIdOf(credential);
  if (id === undefined) return 'invalid';
  const records = await keys();
  const record = records.find((known) => known.id === id);
  if (record === undefined || !isKeyOf(credential, record.sha256)) return 'invalid';
  const isValid = record.expiresAt === undefined || Date.parse(record.expiresAt) > Date.now();
  if (!isValid) return 'expired';
  const principal = toPrincipal(record);
  if (principal.tenant !== everyTenant) return principal;
  const tenants = new Set(records.map(({ tenant }) => tenant).filter((tenant) => tenant !== everyTenant));
  return { ...principal, tenants: [...tenants] };
}

function toPrincipal(record: KeyRecord): Principal {
  const {
    id,
    name,
    expiresAt,
    tenant,
    models,
    onUnknownSubmission,
    webhook,
    requestsPerMinute,
    startsPerMinute,
    dedupe,
  } = record;
  return withoutUndefined({
    tenant,
    scope: scopeOf(record),
    keyId: id,
    name,
    models,
    onUnknownSubmission,
    webhook,
    expiresAt: expiresAt && new Date(expiresAt).toISOString(),
    requestsPerMinute,
    startsPerMinute,
    dedupeWindowMs: dedupe?.windowMs,
  });
}
