import { Buffer } from 'node:buffer';

/** Names the places that contain a secret: verbatim, in base64 (at any offset), in hex, or URL-encoded. */
export function findSecret(secret: string, places: Readonly<Record<string, string>>): string[] {
  const disguises = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('hex'), ...base64Cores(secret)];
  return Object.entries(places)
    .filter(([, text]) => disguises.some((disguise) => text.includes(disguise)))
    .map(([place]) => place);
}

/** The base64 forms of the secret within a longer text: the parts that do not depend on the surrounding text. */
function base64Cores(secret: string): string[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.from(`${' '.repeat(offset)}${secret}`)
      .toString('base64')
      .replace(/=+$/, '');
    return encoded.slice(offset === 0 ? 0 : offset + 1, -1);
  });
}
