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
/** A clock that is put right by slowing it down loses less in half an hour. */
const setBackMs = 1_000;
const toleranceS = 30;
const maxTokenLength = 8_192;
const maxKeysTried = 8;

/** What an issuer's keys can be too broken for, or too slow: no token is wrong for that. */
const issuerTrouble = [errors.JWKSTimeout, errors.JWKSInvalid, errors.JWKInvalid];

/** Tells tokens of an issuer from API keys: three parts, with two dots. */
export function looksLikeJwt(text: string): boolean {
  return text.length <= maxTokenLength && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

/** Takes tokens of one issuer, found by OpenID discovery; undefined for a token that is not valid. */
export function createTokenCheck(oidc: OidcConfig): (token: string) => Promise<Principal | undefined> {
  const { discover, read } = createIssuerReads(oidc.issuer);
  let uri: string | undefined;
  let keys: RemoteJWKSet | undefined;
  /** How far the machine's clock has been ahead of one that nobody sets. */
  let aheadMs = Number.NEGATIVE_INFINITY;

  const keySet = async (): Promise<RemoteJWKSet> => {
    // Found once: an issuer whose keys moved is asked where when this process starts anew.
    uri ??= await discover();
    const nowAheadMs = Date.now() - performance.now();
    // Keys age by the machine's clock: set back, it would keep them, and read no new ones, for so much longer.
    const isSetBack = nowAheadMs < aheadMs - setBackMs;
    aheadMs = isSetBack ? nowAheadMs : Math.max(aheadMs, nowAheadMs);
    const options = { cacheMaxAge: cacheMaxAgeMs, cooldownDuration: cooldownMs, [customFetch]: read };
    // Whoever asked at the same time shares them, and their reads.
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

/** Whether the token is what is wrong, and not its issuer or one of its keys. */
function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JOSEError &&
    error.code !== 'ERR_JOSE_GENERIC' &&
    !issuerTrouble.some((kind) => error instanceof kind)
  );
}

/**
 * A token may fit several keys by its header: one without `kid`, or while an issuer changes the key of one. One that none
 * of them has signed is not valid, unless another cannot be used, such as one that is too short: that may have signed it.
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

/** The claims decide: what is missing there is not allowed, and all tenants never are. */
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
  // One beyond all dates is as good as none.
  const expiresAt = Number.isNaN(expiry.getTime()) ? undefined : expiry.toISOString();
  return withoutUndefined({ tenant, scope, subject, expiresAt });
}
