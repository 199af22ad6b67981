import { parseUrl } from '../../runcomfy/urls.ts';

const ownDomains = ['.runcomfy.net', '.runcomfy.com'];
/** File systems allow 255 bytes per name; the rest is left for a suffix. */
const maxNameBytes = 200;
const reservedNames = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

const extensions: Record<string, string> = {
  'image/png': '.png',
  'image/jpeg': '.jpg',
  'image/webp': '.webp',
  'image/gif': '.gif',
  'image/avif': '.avif',
  'image/svg+xml': '.svg',
  'image/tiff': '.tiff',
  'image/bmp': '.bmp',
  'video/mp4': '.mp4',
  'video/webm': '.webm',
  'video/quicktime': '.mov',
  'video/x-matroska': '.mkv',
  'video/mpeg': '.mpg',
  'audio/mpeg': '.mp3',
  'audio/wav': '.wav',
  'audio/x-wav': '.wav',
  'audio/wave': '.wav',
  'audio/flac': '.flac',
  'audio/x-flac': '.flac',
  'audio/ogg': '.ogg',
  'audio/aac': '.aac',
  'audio/mp4': '.m4a',
  'audio/webm': '.weba',
  'model/gltf-binary': '.glb',
  'model/gltf+json': '.gltf',
};

const mediaTypes =
  /^(image|video|audio|model)\/|^application\/(octet-stream|binary|mp4|ogg|zip|x-matroska|vnd\.apple\.mpegurl)$|^binary\/octet-stream$/;

/**
 * Whether a file may be fetched from this URL: from RunComfy's hosts over HTTPS, or from a host that the user allowed.
 */
export function isHostAllowed(url: string, allowedHosts: string[]): boolean {
  const parsed = parseUrl(url);
  if (!parsed) return false;
  const { protocol, host, hostname, username, password } = parsed;
  if (username !== '' || password !== '') return false;
  if (protocol !== 'https:' && protocol !== 'http:') return false;
  if (allowedHosts.some((allowed) => allowed.toLowerCase() === host || allowed.toLowerCase() === hostname)) return true;
  return protocol === 'https:' && ownDomains.some((domain) => hostname.endsWith(domain));
}

/** Whether a content type is plausible for an output: media, generic bytes, or none. */
export function isMediaType(contentType: string): boolean {
  return contentType === '' || mediaTypes.test(contentType);
}

/**
 * The name for the file of a URL: the last part of its path, made safe; letters of all scripts are kept. If it has no
 * extension, the content type supplies one.
 */
export function fileNameOf(url: string, contentType = ''): string {
  const last = parseUrl(url)?.pathname.split('/').at(-1) ?? '';
  const plain = decode(last)
    .normalize('NFC')
    .replaceAll(/[^\p{L}\p{M}\p{N}._-]+/gu, '_')
    .replace(/^[\p{M}._-]+/u, '');
  const { stem, extension } = split(plain === '' ? 'output' : plain);
  const ending = extension === '' ? (extensions[contentType] ?? '') : extension;
  const name = `${cutToBytes(stem, maxNameBytes - ending.length)}${ending}`;
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

function cutToBytes(text: string, maxBytes: number): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return kept;
}

/** Decodes each run of escapes on its own, so that a bad one does not spoil the others. */
function decode(text: string): string {
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}
