import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { withoutUndefined } from '../../domain/json.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { apiKeyIdOf, isKeyOf } from './api-key.ts';
import { type KeyRecord, scopeOf } from './key-records.ts';
import { anonymous, type Principal } from './principal.ts';

const maxFailures = 20;
const failuresOverMs = 60_000;

/** Who may call. */
export interface Access {
  /** Nobody has to show an API key. */
  isAnonymous: boolean;
  /** Says who calls, or refuses: in the same words whatever is wrong with a credential. */
  authenticate: (request: FastifyRequest) => Promise<Principal>;
}

/** Takes whoever comes: for loopback alone. */
export const anonymousAccess: Access = { isAnonymous: true, authenticate: () => Promise.resolve(anonymous) };

/** Takes API keys in `Authorization: Bearer`, as `keys` has them at the time. */
export function createKeyAccess(keys: () => Promise<KeyRecord[]>): Access {
  const failures = new LRUCache<string, { count: number }>({ max: 10_000, ttl: failuresOverMs });
  return {
    isAnonymous: false,
    async authenticate(request) {
      const address = request.ip;
      const failed = failures.get(address);
      if (failed && failed.count >= maxFailures) {
        throw new RefusalError('TooManyRequests', 'too many wrong credentials from this address: wait a minute', {
          headers: { 'retry-after': '60' },
        });
      }
      const record = await findRecord(request, keys);
      if (record) return toPrincipal(record);
      // Who shows nothing guesses nothing.
      if (request.headers.authorization !== undefined) {
        if (failed) failed.count += 1;
        else failures.set(address, { count: 1 });
      }
      throw new RefusalError('NotAuthenticated', 'a valid API key is needed: Authorization: Bearer rct_…', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    },
  };
}

async function findRecord({ raw }: FastifyRequest, keys: () => Promise<KeyRecord[]>): Promise<KeyRecord | undefined> {
  const [header, ...more] = raw.headersDistinct['authorization'] ?? [];
  const [, key] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
  const id = key === undefined || more.length > 0 ? undefined : apiKeyIdOf(key);
  if (key === undefined || id === undefined) return undefined;
  const record = (await keys()).find((known) => known.id === id);
  if (record === undefined || !isKeyOf(key, record.sha256)) return undefined;
  return record.expiresAt === undefined || Date.parse(record.expiresAt) > Date.now() ? record : undefined;
}

function toPrincipal(record: KeyRecord): Principal {
  const { id, tenant, models, onUnknownSubmission, requestsPerMinute, startsPerMinute, dedupe } = record;
  return withoutUndefined({
    ...{ tenant, scope: scopeOf(record), keyId: id, models, onUnknownSubmission },
    ...{ requestsPerMinute, startsPerMinute, dedupeWindowMs: dedupe?.windowMs },
  });
}
