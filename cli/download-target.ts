const ownDomains = ['.runcomfy.net', '.runcomfy.com'];
const maxNameLength = 120;
const reservedNames = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Whether a file may be fetched from this URL: RunComfy's hosts over HTTPS, and those that the user named. */
export function isHostAllowed(url: string, allowedHosts: string[]): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, host, hostname, username, password } = new URL(url);
  if (username !== '' || password !== '') return false;
  if (protocol !== 'https:' && protocol !== 'http:') return false;
  if (allowedHosts.some((allowed) => allowed.toLowerCase() === host || allowed.toLowerCase() === hostname)) return true;
  return protocol === 'https:' && ownDomains.some((domain) => hostname.endsWith(domain));
}

/** The name under which the file of a URL is kept: the last part of its path, made harmless. */
export function fileNameOf(url: string): string {
  const last = URL.canParse(url) ? (new URL(url).pathname.split('/').at(-1) ?? '') : '';
  const plain = decode(last)
    .replaceAll(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^[._-]+/, '');
  const { stem, extension } = split(plain === '' ? 'output' : plain);
  const name = `${stem.slice(0, maxNameLength - extension.length)}${extension}`;
  return reservedNames.test(name) ? `_${name}` : name;
}

/** `clip.mp4`, `clip-2.mp4`, `clip-3.mp4`, … */
export function withSuffix(name: string, number: number): string {
  if (number === 1) return name;
  const { stem, extension } = split(name);
  return `${stem}-${String(number)}${extension}`;
}

function split(name: string): { stem: string; extension: string } {
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(name)?.[0] ?? '';
  return extension === name
    ? { stem: name, extension: '' }
    : { stem: name.slice(0, name.length - extension.length), extension };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
