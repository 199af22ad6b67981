import ipaddr from 'ipaddr.js';

const privateNames = ['localhost', 'local', 'internal', 'localdomain', 'lan', 'intranet', 'home.arpa'];

/** The only IPv6 range assigned to the public internet so far. */
const globalIpv6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/**
 * Whether a text is an IP address of the public internet. An IPv4-mapped IPv6 address counts as its IPv4 address; IPv6
 * addresses that embed one in another way, such as 6to4, are not public.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  // `process` turns an IPv4-mapped IPv6 address into the IPv4 address.
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

/** A host in lower case, without the brackets of an IPv6 address and the trailing dots of a full name. */
export function bareHost(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.+$/, '')
    .toLowerCase();
}
