import { Buffer } from 'node:buffer';

/** Names the places in which a secret stands: as it is, in base64 (at any offset), in hex, or as a URL would carry it. */
export function findSecret(secret: string, places: Readonly<Record<string, string>>): string[] {
  const disguises = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('hex'), ...base64Cores(secret)];
  return Object.entries(places)
    .filter(([, text]) => disguises.some((disguise) => text.includes(disguise)))
    .map(([place]) => place);
}

/** What base64 makes of the secret inside a longer text: the part that does not depend on what stands around it. */
function base64Cores(secret: string): string[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.from(`${' '.repeat(offset)}${secret}`)
      .toString('base64')
      .replace(/=+$/, '');
    return encoded.slice(offset === 0 ? 0 : offset + 1, -1);
  });
}
