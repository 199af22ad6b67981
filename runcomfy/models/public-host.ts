import ipaddr from 'ipaddr.js';

const privateNames = ['localhost', 'local', 'internal', 'localdomain', 'lan', 'intranet', 'home.arpa'];

/** All that is handed out for the public internet so far. */
const globalIpv6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/** Whether a text is an IP address of the public internet; one that maps or embeds an IPv4 address by other means is none. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  // `process` turns an IPv6 address that maps an IPv4 one into the latter.
  const address = ipaddr.process(text);
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv6 ? address.match(globalIpv6) : true;
}

/**
 * Whether a host cannot be on the public internet: loopback, private and other special addresses in every spelling that
 * the URL parser understands, names kept for local networks, and names without a dot.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = bareHost(hostname);
  if (ipaddr.isValid(host)) return !isPublicAddress(host);
  if (!host.includes('.')) return true;
  return privateNames.some((name) => host === name || host.endsWith(`.${name}`));
}

/** A host without the brackets of an IPv6 address and the dots that end a full name, in small letters. */
export function bareHost(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.+$/, '')
    .toLowerCase();
}
