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

/** Authenticates callers. */
export interface Access {
  /** No API key is required. */
  isAnonymous: boolean;
  /** Identifies the caller, or throws a `RefusalError`; the message does not tell what is wrong with a credential. */
  authenticate: (request: FastifyRequest) => Promise<Principal>;
  /**
   * Whether the caller's credential is still valid. Failures are not counted, and a check that cannot be made now
   * counts as valid.
   */
  isStillAllowed: (request: FastifyRequest) => Promise<boolean>;
  /** The known tenants: those of API keys. Tenants of tokens are not known. */
  tenants: () => Promise<readonly string[]>;
}

/** Accepts every caller; for loopback only. */
export const anonymousAccess: Access = {
  isAnonymous: true,
  authenticate: () => Promise.resolve(anonymous),
  isStillAllowed: () => Promise.resolve(true),
  tenants: () => Promise.resolve([]),
};

/** How credentials are checked. */
export interface CredentialChecks {
  /** The current records of API keys. */
  keys: () => Promise<KeyRecord[]>;
  /** Checks a token of the issuer; undefined for an invalid one. */
  tokens?: ((token: string) => Promise<Principal | undefined>) | undefined;
  /** Called for each credential that is refused. */
  onFailure: (reason: AuthFailure) => void;
}

/** Accepts API keys and tokens in `Authorization: Bearer`. */
export function createAccess(checks: CredentialChecks): Access {
  const { onFailure } = checks;
  const failures = new LRUCache<string, { count: number }>({ max: 10_000, ttl: failuresOverMs });
  return {
    isAnonymous: false,
    tenants: async () => (await checks.keys()).map(({ tenant }) => tenant),
    async isStillAllowed(request) {
      // A token's expiry is known without the issuer, which may be unreachable.
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
      // A call without a credential is not a guess.
      if (request.headers.authorization !== undefined) {
        // Read again, since other calls may have failed while this one was checked.
        const count = (failures.get(address)?.count ?? 0) + 1;
        // The window of a minute starts with the first failure, and anew with the one that reaches the limit.
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
