import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyOptions,
  type RemoteJWKSet,
} from 'jose';
import type { OidcConfig } from '../../config/oidc.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { createIssuerReads } from './issuer-reads.ts';
import { tenantPattern } from './key-records.ts';
import { type Principal, scopes } from './principal.ts';

const cacheMaxAgeMs = 10 * 60_000;
const cooldownMs = 30_000;
/**
 * Only a step back of the clock larger than this counts as one; slewing corrects less than this within half an hour.
 */
const setBackMs = 1_000;
const toleranceS = 30;
const maxTokenLength = 8_192;
const maxKeysTried = 8;

/** Errors caused by the issuer's keys, or by a timeout, which do not mean that a token is invalid. */
const issuerTrouble = [errors.JWKSTimeout, errors.JWKSInvalid, errors.JWKInvalid];

/** Whether a text looks like a token instead of an API key: three parts, separated by two dots. */
export function looksLikeJwt(text: string): boolean {
  return text.length <= maxTokenLength && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

/** Checks tokens of one issuer, whose keys are found by OpenID discovery; undefined for an invalid token. */
export function createTokenCheck(oidc: OidcConfig): (token: string) => Promise<Principal | undefined> {
  const { discover, read } = createIssuerReads(oidc.issuer);
  let uri: string | undefined;
  let keys: RemoteJWKSet | undefined;
  /** The furthest that the wall clock has been ahead of the monotonic clock. */
  let aheadMs = Number.NEGATIVE_INFINITY;

  const keySet = async (): Promise<RemoteJWKSet> => {
    // Discovered once: if the issuer moves its keys, the gateway has to be restarted.
    uri ??= await discover();
    const nowAheadMs = Date.now() - performance.now();
    // The key set ages by the wall clock: if that is set back, cached keys would be kept for longer by as much.
    const isSetBack = nowAheadMs < aheadMs - setBackMs;
    aheadMs = isSetBack ? nowAheadMs : Math.max(aheadMs, nowAheadMs);
    const options = { cacheMaxAge: cacheMaxAgeMs, cooldownDuration: cooldownMs, [customFetch]: read };
    // Calls that started at the same time share the key set and its reads.
    if (!keys || isSetBack) keys = createRemoteJWKSet(new URL(uri), options);
    return keys;
  };

  const options: JWTVerifyOptions = {
    issuer: oidc.issuer,
    audience: oidc.audience,
    algorithms: [...oidc.algorithms],
    requiredClaims: ['exp'],
    clockTolerance: toleranceS,
  };

  return async (token) => {
    try {
      return principalOf(await payloadOf(token, await keySet(), options), oidc);
    } catch (error) {
      if (error instanceof RefusalError) throw error;
      if (isOfToken(error)) return undefined;
      throw new RefusalError(
        'IssuerUnreachable',
        'the issuer of tokens cannot be asked now for keys that can be used',
        {
          headers: { 'retry-after': '5' },
          cause: error,
        },
      );
    }
  };
}

/** Whether an error means that the token is invalid, instead of a problem with the issuer or its keys. */
function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JOSEError &&
    error.code !== 'ERR_JOSE_GENERIC' &&
    !issuerTrouble.some((kind) => error instanceof kind)
  );
}

/**
 * Verifies a token against all keys that its header matches: there are several if it has no `kid`, or while the issuer
 * replaces a key. If none of them has signed it the token is invalid, unless one of the keys cannot be used (for
 * example because it is too short) and may have signed it.
 */
async function payloadOf(token: string, keys: RemoteJWKSet, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    let tried = 0;
    let last: unknown = error;
    let unusable: unknown;
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (mismatch) {
        if (isOfToken(mismatch) && !(mismatch instanceof errors.JWSSignatureVerificationFailed)) throw mismatch;
        if (isOfToken(mismatch)) last = mismatch;
        else unusable ??= mismatch;
        tried += 1;
        if (tried === maxKeysTried) break;
      }
    }
    if (tried === 0) throw new Error('no key of the issuer that fits the token can be used', { cause: error });
    throw unusable ?? last;
  }
}

/**
 * The principal of a token, from its claims alone. A missing claim grants nothing, and no token may act for all
 * tenants.
 */
function principalOf(payload: JWTPayload, { tenantClaim, scopeClaim }: OidcConfig): Principal {
  const tenant = payload[tenantClaim];
  if (typeof tenant !== 'string' || !tenantPattern.test(tenant)) {
    throw new RefusalError('NotAllowed', `this token names no tenant: claim ${tenantClaim}`);
  }
  const said = payload[scopeClaim];
  const words = (typeof said === 'string' ? said.split(' ') : Array.isArray(said) ? said : []) as unknown[];
  const scope = scopes.toReversed().find((word) => words.includes(word) || words.includes(`runcomfy:${word}`));
  if (scope === undefined) {
    throw new RefusalError('NotAllowed', `this token has none of ${scopes.join(', ')}: claim ${scopeClaim}`);
  }
  const { sub: subject, exp } = payload;
  const expiry = new Date((exp ?? Number.NaN) * 1_000);
  // An expiry beyond the range of dates counts as none.
  const expiresAt = Number.isNaN(expiry.getTime()) ? undefined : expiry.toISOString();
  return withoutUndefined({ tenant, scope, subject, expiresAt });
}
