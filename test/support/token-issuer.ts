import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { onTestFinished } from './test-end.ts';

/** A token to be signed. Fields override those of a valid token; `undefined` leaves a claim out. */
export interface TokenDraft {
  claims?: Record<string, unknown>;
  header?: { alg?: string; kid?: string | undefined };
  key?: CryptoKey | Uint8Array;
}

/** A token issuer on loopback that counts how often its keys are read. */
export interface TokenIssuer {
  url: string;
  token: (draft?: TokenDraft) => Promise<string>;
  keyReads: () => number;
  /** The bytes of the public key. */
  publicKey: () => Promise<Uint8Array>;
  /** Makes it stop answering, or answer again. */
  setAway: (isAway: boolean) => void;
}

/** Serves discovery and keys until the end of the test. `before`: keys listed before its own. */
export async function startTokenIssuer({
  issuer,
  before = [],
}: { issuer?: string; before?: object[] } = {}): Promise<TokenIssuer> {
  let keyReads = 0;
  let isAway = false;
  const signing = { kid: 'first', ...(await generateKeyPair('ES256', { extractable: true })) };
  const server = createServer((request, response) => {
    if (isAway) {
      request.socket.destroy();
      return;
    }
    const isKeys = request.url === '/keys';
    if (isKeys) keyReads += 1;
    const about = { issuer: issuer ?? url, jwks_uri: `${url}/keys` };
    void exportJWK(signing.publicKey).then((jwk) => {
      const body = isKeys ? { keys: [...before, { ...jwk, kid: signing.kid, use: 'sig', alg: 'ES256' }] } : about;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    url,
    keyReads: () => keyReads,
    publicKey: async () => Buffer.from(JSON.stringify(await exportJWK(signing.publicKey))),
    setAway: (away) => (isAway = away),
    token: ({ claims = {}, header = {}, key = signing.privateKey } = {}) => {
      const now = Math.floor(Date.now() / 1_000);
      const usual = {
        iss: url,
        aud: 'media',
        sub: 'render-1',
        exp: now + 600,
        tenant: 'acme',
        scope: 'openid generate',
      };
      const payload = JSON.parse(JSON.stringify({ ...usual, ...claims })) as JWTPayload;
      const full = JSON.parse(JSON.stringify({ alg: 'ES256', kid: signing.kid, ...header })) as JWTHeaderParameters;
      return new SignJWT(payload).setProtectedHeader(full).sign(key);
    },
  };
}
