import { describe, expect, it } from 'vitest';
import { loopbackHostOf, refuseMediaUrl } from '../../../../runcomfy/models/media-url.ts';

describe('media URLs', () => {
  it.each([
    'https://playgrounds-storage-public.runcomfy.net/tools/7349/media-files/input.png',
    'https://cdn.example.com/a',
    'https://cdn.example.com:8443/a.png?token=x#y',
    'https://8.8.8.8/a.png',
    'https://[2606:4700::1111]/a.png',
    'https://[::ffff:8.8.8.8]/a.png',
    'https://bücher.example/a.png',
  ])('accepts %s', (url) => {
    expect(refuseMediaUrl(url)).toBeUndefined();
  });

  it('accepts a name of any script however often it is asked', () => {
    const answers = Array.from({ length: 20_000 }, () => refuseMediaUrl('https://bücher.example/a.png'));
    expect(answers.filter((answer) => answer !== undefined)).toEqual([]);
  });

  it.each([
    'https://localhost/a',
    'https://localhost./a',
    'https://app.localhost/a',
    'https://127.0.0.1/a',
    'https://127.1/a',
    'https://2130706433/a',
    'https://0x7f.0.0.1/a',
    'https://0177.0.0.1/a',
    'https://0.0.0.0/a',
    'https://10.1.2.3/a',
    'https://172.16.0.1/a',
    'https://192.168.1.1/a',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1/a',
    'https://[::1]/a',
    'https://[::]/a',
    'https://[fe80::1]/a',
    'https://[fd00::1]/a',
    'https://[::ffff:127.0.0.1]/a',
    'https://[::ffff:c0a8:0101]/a',
    'https://[64:ff9b::7f00:1]/a',
    'https://printer.local/a',
    'https://metadata.google.internal/a',
    'https://intranet/a',
    'https://nas.home.arpa/a',
    'https://127。0。0。1/a',
  ])('refuses %s, which RunComfy cannot reach', (url) => {
    expect(refuseMediaUrl(url)).toMatch(/cannot reach/);
  });

  it.each([
    ['cat.png'],
    ['//cdn.example.com/a'],
    ['https://'],
    [''],
    ['https://exa mple.com/a'],
    ['/a/b.png'],
    [' https://cdn.example.com/a'],
    ['https:cdn.example.com/a'],
    ['https:\\\\cdn.example.com\\a'],
  ])('refuses %j, which is no URL', (text) => {
    expect(refuseMediaUrl(text)).toMatch(/got no URL/);
  });

  it.each([
    ['http://cdn.example.com/a', /http:/],
    ['file:///etc/passwd', /no URL|file:/],
    ['data:image/png;base64,AAAA', /data: URI/],
    ['blob:https://example.com/1', /no URL|blob:/],
    ['https://user@cdn.example.com/a', /user name/],
    ['https://:secret@cdn.example.com/a', /password/],
  ])('refuses %s', (url, message) => {
    const reason = refuseMediaUrl(url);
    expect(reason).toMatch(message);
    expect(reason).not.toContain('secret');
  });
});

describe('media on the host of an API base', () => {
  const host = loopbackHostOf('http://127.0.0.1:4020/v1');

  it.each([
    ['http://127.0.0.1:4020/v1', '127.0.0.1:4020'],
    ['http://localhost:4020/v1', 'localhost:4020'],
    ['http://[::1]:4020/v1', '[::1]:4020'],
    ['https://model-api.runcomfy.net/v1', undefined],
    ['http://10.0.0.7:4020/v1', undefined],
    ['http://simulator:4020/v1', undefined],
    [undefined, undefined],
  ])('%s counts as %s', (base, expected) => {
    expect(loopbackHostOf(base)).toBe(expected);
  });

  it('on loopback is accepted, also without https, and nothing else on this machine is', () => {
    expect(refuseMediaUrl('http://127.0.0.1:4020/files/a.png', host)).toBeUndefined();
    for (const other of ['http://127.0.0.1:4021/a', 'http://127.0.0.1/a', 'http://localhost:4020/a', 'https://[::1]/a'])
      expect(refuseMediaUrl(other, host), other).toBeDefined();
    expect(refuseMediaUrl('http://user@127.0.0.1:4020/a', host)).toMatch(/http:/);
    expect(refuseMediaUrl('ftp://127.0.0.1:4020/a', host)).toBeDefined();
  });

  it('is refused where the base is not known', () => {
    expect(refuseMediaUrl('http://127.0.0.1:4020/files/a.png')).toMatch(/http:/);
  });
});
