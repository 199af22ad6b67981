import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import pino from 'pino';
import { expect, it } from 'vitest';
import { createWebhookCheck } from '../../../cli/gateway-webhooks.ts';
import { temporaryFolder } from '../../support/processes.ts';

const target = { url: 'https://hooks.example', secret: 'shop' };

it('a gateway without the file of secrets that its workers have serves, says so, and leaves names to them', async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const secretsFile = path.join(await temporaryFolder(), 'not-here.json');
  const check = await createWebhookCheck({ webhooks: { secretsFile, allowedHosts: [] } }, log);
  expect(await check(target)).toEqual([]);
  expect(lines.join('')).toContain('is not there');
  await writeFile(secretsFile, 'broken');
  const broken = createWebhookCheck({ webhooks: { secretsFile, allowedHosts: [] } }, log);
  await expect(broken).rejects.toThrow('must hold');
});

it('a webhook that the gateway does not allow names the variable of the gateway that would', async () => {
  const check = await createWebhookCheck({ webhooks: { allowedHosts: [] } }, pino({ level: 'silent' }));
  const [issue] = await check({ ...target, url: 'http://receiver:8080' });
  expect(issue).toMatchObject({ path: 'request.webhook.url' });
  expect(issue?.message).toContain("the gateway's RUNCOMFY_WEBHOOK_ALLOW_HOSTS");
});
