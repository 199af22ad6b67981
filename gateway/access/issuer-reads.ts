import { z } from 'zod';
import { isOidcUrl } from '../../config/oidc.ts';

const answerWithinMs = 5_000;
const maxBytes = 1024 * 1024;
/** After a failure the issuer is not read again for this long, as wrong tokens may come in floods. */
const leaveAloneMs = 5_000;

const discovery = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string().refine(isOidcUrl, 'expected an https URL'),
});

/** Reads of an issuer, bounded in size and time, with a pause after a failure. */
export interface IssuerReads {
  /** The URL of its keys. */
  discover: () => Promise<string>;
  read: (url: string, options: { headers: Headers }) => Promise<Response>;
}

/** Reads an issuer's documents without following redirects. */
export function createIssuerReads(issuer: string): IssuerReads {
  let failedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let finding: Promise<string> | undefined;

  const read: IssuerReads['read'] = async (url, { headers }) => {
    if (performance.now() - failedAt < leaveAloneMs) throw failure;
    try {
      const response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(answerWithinMs) });
      if (response.status !== 200) throw new Error(`${url} answers ${String(response.status)}`);
      return new Response(await textOf(response), { status: 200 });
    } catch (error) {
      failedAt = performance.now();
      failure = error;
      throw error;
    }
  };

  const find = async (): Promise<string> => {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const response = await read(url, { headers: new Headers({ accept: 'application/json' }) });
    const found = discovery.parse(await response.json());
    if (found.issuer !== issuer) throw new Error(`${url} is of the issuer ${found.issuer}`);
    return found.jwks_uri;
  };

  return {
    read,
    discover: () =>
      (finding ??= find().finally(() => {
        finding = undefined;
      })),
  };
}

async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maxBytes) throw new Error('the issuer sends more than 1 MiB');
  }
  return text;
}
