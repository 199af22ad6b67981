import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileNameOf, isHostAllowed, withSuffix } from '../../../cli/download/download-target.ts';

describe('isHostAllowed', () => {
  it.each(['https://cdn.runcomfy.net/a.mp4', 'https://a.b.runcomfy.com/x', 'https://CDN.RunComfy.NET/a'])(
    'takes %s',
    (url) => {
      expect(isHostAllowed(url, [])).toBe(true);
    },
  );

  it.each([
    'http://cdn.runcomfy.net/a.mp4',
    'https://runcomfy.net.evil.com/a',
    'https://evilruncomfy.net/a',
    'https://example.com/a',
    'https://user:secret@cdn.runcomfy.net/a',
    'https://cdn.runcomfy.net@evil.com/a',
    'file:///etc/passwd',
    'data:text/plain,x',
    'not a url',
  ])('refuses %s', (url) => {
    expect(isHostAllowed(url, [])).toBe(false);
  });

  it('takes hosts that the user named, over plain HTTP too', () => {
    expect(isHostAllowed('http://127.0.0.1:7788/a', ['127.0.0.1'])).toBe(true);
    expect(isHostAllowed('http://127.0.0.1:7788/a', ['127.0.0.1:7788'])).toBe(true);
    expect(isHostAllowed('http://127.0.0.1:7789/a', ['127.0.0.1:7788'])).toBe(false);
  });
});

describe('fileNameOf', () => {
  it.each([
    ['https://h/a/b/clip.mp4?sig=1#x', 'clip.mp4'],
    ['https://h/a/b%20c.mp4', 'b_c.mp4'],
    ['https://h/..%2f..%2fetc%2fpasswd', 'etc_passwd'],
    ['https://h/.bashrc', 'bashrc'],
    ['https://h/', 'output'],
    ['https://h/con.mp4', '_con.mp4'],
    ['nonsense', 'output'],
    ['https://h/%E7%81%AF%E5%A1%94.mp4', '灯塔.mp4'],
    ['https://h/Stra%C3%9Fe%20%F0%9F%8E%AC.mp4', 'Straße_.mp4'],
    ['https://h/%D9%86%D9%88%D8%B1.png', 'نور.png'],
    ['https://h/50%25%zz.png', '50_zz.png'],
    ['https://h/cafe%CC%81.png', 'café.png'],
    ['https://h/%E2%80%AEgnp.exe', 'gnp.exe'],
  ])('%s is kept as %s', (url, name) => {
    expect(fileNameOf(url)).toBe(name);
  });

  it('never leaves the directory, whatever the URL', () => {
    fc.assert(
      fc.property(fc.string(), (path) => {
        const name = fileNameOf(`https://h/${path}`, 'video/mp4');
        expect(name).toMatch(/^[\p{L}\p{N}_][\p{L}\p{M}\p{N}._-]*$/u);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(201);
      }),
    );
  });
});

describe('fileNameOf with a content type', () => {
  it.each([
    ['https://h/9f8e7d6c', 'video/mp4', '9f8e7d6c.mp4'],
    ['https://h/9f8e7d6c.webp', 'image/png', '9f8e7d6c.webp'],
    ['https://h/', 'image/jpeg', 'output.jpg'],
    ['https://h/9f8e7d6c', 'application/octet-stream', '9f8e7d6c'],
    [`https://h/${'%E7%81%AF'.repeat(200)}.mp4`, 'video/mp4', `${'灯'.repeat(65)}.mp4`],
  ])('%s served as %s is kept as %s', (url, type, name) => {
    expect(fileNameOf(url, type)).toBe(name);
  });
});

describe('withSuffix', () => {
  it('counts before the extension', () => {
    expect([1, 2, 3].map((number) => withSuffix('clip.mp4', number))).toEqual(['clip.mp4', 'clip-2.mp4', 'clip-3.mp4']);
    expect(withSuffix('output', 2)).toBe('output-2');
  });
});
