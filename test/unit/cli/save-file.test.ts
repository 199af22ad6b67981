import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { describe, expect, it } from 'vitest';
import { saveBody } from '../../../cli/download/save-file.ts';
import { temporaryFolder } from '../../support/processes.ts';

/** Saves a body whose bytes come one by one. */
async function saveByBytes(body: string): Promise<string> {
  const bytes = [...Buffer.from(body)].map((byte) => Buffer.of(byte));
  const reply = { headers: {}, body: Readable.from(bytes) } as unknown as Dispatcher.ResponseData;
  const file = path.join(await temporaryFolder(), 'clip.mp4');
  await saveBody(reply, file, { maxBytes: 10_000, signal: undefined });
  return await readFile(file, 'utf8');
}

describe('a file whose first bytes come one by one', () => {
  it.each([
    '<!doctype html>',
    '<html lang="en">',
    '\uFEFF\r\n<html>',
    '<!-- lost --><!-- for good -->\n<!DOCTYPE html><title>sorry</title>',
    '<?xml version="1.0"?>\n<!-- lost -->\n<html xmlns="http://www.w3.org/1999/xhtml">',
  ])('is refused where it is a web page: %j', async (page) => {
    const tail = 'x'.repeat(1_000);
    await expect(saveByBytes(page + tail)).rejects.toThrow('the server sent a web page instead of a file');
  });

  it.each([
    '<!doc',
    '<?xml version="1.0"?><!-- <html> --><svg><title>html</title></svg>',
    `${'<!---->'.repeat(80)}<svg/>`,
    `<!-- ${'a'.repeat(600)} --><html>`,
  ])('is saved where it is none, or none that its beginning tells: %j', async (text) => {
    expect(await saveByBytes(text)).toBe(text);
  });
});
