import { describe, expect, it } from 'vitest';
import { isPublicAddress, refuseWebhookUrl } from '../../../runcomfy/models/index.ts';
import { refuseMediaUrl } from '../../../runcomfy/models/media-url.ts';

/** Every spelling under which a URL names a host that a webhook must not reach. */
const adversarial = [
  'https://127.0.0.1',
  'https://127.1',
  'https://0x7f.1',
  'https://2130706433',
  'https://0177.0.0.1',
  'https://0',
  'https://0.0.0.0',
  'https://10.0.0.1',
  'https://172.16.0.1',
  'https://192.168.1.1',
  'https://169.254.169.254',
  'https://100.64.0.1',
  'https://198.18.0.1',
  'https://192.0.0.8',
  'https://192.0.2.1',
  'https://224.0.0.1',
  'https://240.0.0.1',
  'https://255.255.255.255',
  'https://１２７.0.0.1',
  'https://127。0。0。1',
  'https://127.0.0.1.',
  'https://[::]',
  'https://[::1]',
  'https://[::ffff:127.0.0.1]',
  'https://[::ffff:10.0.0.1]',
  'https://[::ffff:7f00:1]',
  'https://[::127.0.0.1]',
  'https://[::ffff:0:127.0.0.1]',
  'https://[64:ff9b::127.0.0.1]',
  'https://[64:ff9b:1::a00:1]',
  'https://[2002:7f00:1::]',
  'https://[2001::1]',
  'https://[fe80::1]',
  'https://[fc00::1]',
  'https://[fec0::1]',
  'https://[ff02::1]',
  'https://[2001:db8::1]',
  'https://[100::1]',
  'https://[4000::1]',
  'https://localhost',
  'https://localhost.',
  'https://LOCALHOST..',
  'https://a.localhost',
  'https://receiver',
  'https://receiver.local',
  'https://metadata.google.internal',
  'https://router.home.arpa',
];

describe('the URL of a webhook', () => {
  it.each(adversarial)('is refused: %s', (url) => {
    expect(refuseWebhookUrl(url, [])).toMatch(/^expected an https:\/\/ URL on the public internet/);
    expect(refuseMediaUrl(url)).toMatch(/^expected a public https:\/\/ URL, got /);
  });

  it.each([
    ['http://hooks.example/', /plain http/],
    ['https://user:p@hooks.example/', /without login/],
    ['https://@hooks.example:1/', undefined],
    ['https://hooks.example/#x', /fragment/],
    ['https://hooks.example:0/', /port above 0/],
    ['ftp://hooks.example/', /ftp:/],
    ['no url', /no URL/],
  ])('%s is judged', (url, sentence) => {
    const refusal = refuseWebhookUrl(url, []);
    if (sentence === undefined) expect(refusal).toBeUndefined();
    else expect(refusal).toMatch(sentence);
  });

  it.each([
    'https://hooks.example/in?token=1',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]:8443/',
    'https://a.b:444',
  ])('is taken: %s', (url) => {
    expect(refuseWebhookUrl(url, [])).toBeUndefined();
  });

  it('may be on a host that is allowed by its exact name and port', () => {
    const allowed = ['receiver:8080', '127.0.0.1:9000', 'intranet.lan'];
    for (const url of [
      'http://receiver:8080/x',
      'http://127.0.0.1:9000',
      'https://intranet.lan',
      'http://intranet.lan/',
    ]) {
      expect(refuseWebhookUrl(url, allowed)).toBeUndefined();
    }
    for (const url of [
      'http://receiver/',
      'http://receiver:8081',
      'http://127.0.0.1:9001',
      'https://a.intranet.lan',
      'https://intranet.lan:444',
    ]) {
      expect(refuseWebhookUrl(url, allowed)).toMatch(/RUNCOMFY_WEBHOOK_ALLOW_HOSTS$/);
    }
  });

  it('repeats nothing of the query in what it says', () => {
    expect(refuseWebhookUrl('https://127.0.0.1/?planted=1', [])).not.toContain('planted');
  });
});

it.each([
  ['8.8.8.8', true],
  ['2606:4700::1111', true],
  ['::7f00:1', false],
  ['::ffff:8.8.8.8', true],
  ['fe80::1%eth0', false],
  ['hooks.example', false],
])('the address %s is public: %s', (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic);
});
