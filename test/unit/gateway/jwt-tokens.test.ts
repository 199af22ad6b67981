import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { createTokenCheck } from '../../../gateway/access/jwt-tokens.ts';
import { startTokenIssuer, type TokenIssuer } from '../../support/token-issuer.ts';

const inS = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

function checkOf({ url }: TokenIssuer) {
  return createTokenCheck({
    issuer: url,
    audience: 'media',
    tenantClaim: 'tenant',
    scopeClaim: 'scope',
    algorithms: ['ES256', 'RS256'],
  });
}

const unsigned = (payload: object) =>
  `${[{ alg: 'none' }, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;

describe('a token', () => {
  it.each<[claims: Record<string, unknown>, scope: string, times?: () => Record<string, unknown>]>([
    [{}, 'generate'],
    [{ scope: 'read' }, 'read'],
    [{ scope: ['read', 'runcomfy:admin'] }, 'admin'],
    [{ scope: 'runcomfy:read openid' }, 'read'],
    [{ aud: ['other', 'media'] }, 'generate'],
    [{}, 'generate', () => ({ exp: inS(-20), nbf: inS(20) })],
  ])('with %j says who calls', async (claims, scope, times) => {
    const issuer = await startTokenIssuer();
    const token = await issuer.token({ claims: { ...claims, ...times?.() } });
    expect(await checkOf(issuer)(token)).toEqual({
      tenant: 'acme',
      scope,
      subject: 'render-1',
      expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it.each<[what: string, make: (issuer: TokenIssuer) => Promise<string>]>([
    ['no signature', ({ url }) => Promise.resolve(unsigned({ iss: url, aud: 'media', exp: inS(60), tenant: 'acme' }))],
    [
      'a signature by the public key as a secret',
      async (issuer) => issuer.token({ header: { alg: 'HS256' }, key: await issuer.publicKey() }),
    ],
    [
      'an algorithm that is not allowed',
      async (issuer) => issuer.token({ header: { alg: 'ES384' }, key: (await generateKeyPair('ES384')).privateKey }),
    ],
    ["somebody else's signature", async (issuer) => issuer.token({ key: (await generateKeyPair('ES256')).privateKey })],
    ['another audience', (issuer) => issuer.token({ claims: { aud: 'other' } })],
    ['another issuer', (issuer) => issuer.token({ claims: { iss: 'https://evil.example' } })],
    ['no expiry', (issuer) => issuer.token({ claims: { exp: undefined } })],
    ['an expiry 31 s ago', (issuer) => issuer.token({ claims: { exp: inS(-31) } })],
    ['a beginning in a minute', (issuer) => issuer.token({ claims: { nbf: inS(60) } })],
    ['an unknown key id', (issuer) => issuer.token({ header: { kid: 'unknown' } })],
    [
      'a changed byte',
      async (issuer) => (await issuer.token()).replace(/\.(.)/, (_, at) => (at === 'x' ? '.y' : '.x')),
    ],
  ])('with %s is not valid', async (_what, make) => {
    const issuer = await startTokenIssuer();
    const check = checkOf(issuer);
    expect(await check(await make(issuer))).toBeUndefined();
    expect(await check(await issuer.token())).toMatchObject({ tenant: 'acme' });
  });

  it.each<[what: string, claims: Record<string, unknown>]>([
    ['without a tenant', { tenant: undefined }],
    ['of all tenants', { tenant: '*' }],
    ["of a tenant's path", { tenant: 'a/b' }],
    ['of a tenant that is a list', { tenant: ['acme'] }],
    ['without a scope', { scope: undefined }],
    ['with unknown scopes alone', { scope: 'openid profile' }],
  ])('%s is not allowed', async (_what, claims) => {
    const issuer = await startTokenIssuer();
    const asked = checkOf(issuer)(await issuer.token({ claims }));
    await expect(asked).rejects.toMatchObject({ name: 'RefusalError', refusal: 'NotAllowed' });
  });

  it('with unknown key ids has the keys read once in a while, not once each', async () => {
    const issuer = await startTokenIssuer();
    const check = checkOf(issuer);
    for (let at = 0; at < 20; at += 1) {
      expect(await check(await issuer.token({ header: { kid: `unknown-${String(at)}` } }))).toBeUndefined();
    }
    expect(issuer.keyReads()).toBe(1);
  });
});

describe('a token that is valid', () => {
  it('is taken though its end is beyond all dates', async () => {
    const issuer = await startTokenIssuer();
    const token = await issuer.token({ claims: { exp: 1e13 } });
    expect(await checkOf(issuer)(token)).toEqual({ tenant: 'acme', scope: 'generate', subject: 'render-1' });
  });

  it.each([undefined, 'first'])('is taken by the key that signed it, where two fit its key id %s', async (kid) => {
    const other = await exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey);
    const issuer = await startTokenIssuer({ before: [{ ...other, kid: 'first', use: 'sig', alg: 'ES256' }] });
    const check = checkOf(issuer);
    expect(await check(await issuer.token({ header: { kid } }))).toMatchObject({ tenant: 'acme' });
    expect(await check(await issuer.token({ header: { kid }, claims: { exp: inS(-31) } }))).toBeUndefined();
    const stranger = (await generateKeyPair('ES256')).privateKey;
    expect(await check(await issuer.token({ header: { kid }, key: stranger }))).toBeUndefined();
  });

  it.each<[fitting: ('short' | 'broken' | 'own')[], signed: 'by its own' | 'by a stranger', says: 'taken' | 'trouble']>(
    [
      [['short', 'own'], 'by its own', 'taken'],
      [['broken', 'own'], 'by its own', 'taken'],
      [['own', 'short'], 'by a stranger', 'trouble'],
      [['short', 'short'], 'by its own', 'trouble'],
      [['broken', 'broken'], 'by its own', 'trouble'],
    ],
  )('is taken by a key that can be used, where %j fit its key id, signed %s: %s', async (fitting, signed, says) => {
    const own = await generateKeyPair('RS256', { extractable: true });
    const short = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' });
    const keys = { short, broken: { kty: 'RSA' }, own: await exportJWK(own.publicKey) };
    const before = fitting.map((which) => ({ ...keys[which], kid: 'rsa', use: 'sig', alg: 'RS256' }));
    const issuer = await startTokenIssuer({ before });
    const key = signed === 'by its own' ? own.privateKey : (await generateKeyPair('RS256')).privateKey;
    const taken = checkOf(issuer)(await issuer.token({ header: { alg: 'RS256', kid: 'rsa' }, key }));
    await (says === 'taken'
      ? expect(taken).resolves.toMatchObject({ tenant: 'acme' })
      : expect(taken).rejects.toMatchObject({ refusal: 'IssuerUnreachable' }));
  });

  it('has the keys read once, however many come first', async () => {
    const issuer = await startTokenIssuer();
    const check = checkOf(issuer);
    const token = await issuer.token();
    await Promise.all(Array.from({ length: 5 }, () => check(token)));
    expect(issuer.keyReads()).toBe(1);
  });
});

describe('an issuer', () => {
  const trouble = { name: 'RefusalError', refusal: 'IssuerUnreachable', headers: { 'retry-after': '5' } };

  it('that is away is no reason to call a token wrong; with its keys at hand it is not asked', async () => {
    const issuer = await startTokenIssuer();
    const token = await issuer.token();
    const early = checkOf(issuer);
    expect(await early(token)).toMatchObject({ tenant: 'acme', subject: 'render-1' });
    issuer.setAway(true);
    expect(await early(token)).toMatchObject({ tenant: 'acme', subject: 'render-1' });
    await expect(checkOf(issuer)(token)).rejects.toMatchObject(trouble);
  });

  it('has its keys read again once the clock of this machine is set back, and then no more often than before', async () => {
    const now = Date.now.bind(Date);
    const setClock = (seconds: number) => {
      vi.spyOn(Date, 'now').mockImplementation(() => now() + seconds * 1_000);
    };
    const issuer = await startTokenIssuer();
    const check = checkOf(issuer);
    const claims = { exp: inS(7_200) };
    const tokens = [await issuer.token({ claims }), await issuer.token({ claims, header: { kid: 'unknown' } })];
    const keyReadsBy = async (seconds: number) => {
      setClock(seconds);
      for (const token of [...tokens, ...tokens]) await check(token);
      return issuer.keyReads();
    };
    expect([await keyReadsBy(0), await keyReadsBy(3_600), await keyReadsBy(0), await keyReadsBy(-3_600)]).toEqual([
      1, 2, 3, 4,
    ]);
  });

  it('that says it is another is not trusted', async () => {
    const issuer = await startTokenIssuer({ issuer: 'https://other.example' });
    await expect(checkOf(issuer)(await issuer.token())).rejects.toMatchObject(trouble);
  });
});
