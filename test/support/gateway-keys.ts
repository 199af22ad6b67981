import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createApiKey, digestOf } from '../../gateway/access/api-key.ts';
import { call, type GatewayAnswer, type GatewayStack } from './gateway-stack.ts';
import { temporaryFolder } from './processes.ts';

/** A caller of a test's gateway. */
export interface Caller {
  /** A name unique to this test, since test files share a namespace. */
  tenant: string;
  /** The header value with its key. */
  authorization: string;
  get: (target: string, headers?: Record<string, string>) => Promise<GatewayAnswer>;
  post: (target: string, body?: object, headers?: Record<string, string>) => Promise<GatewayAnswer>;
}

/**
 * Starts a gateway for these callers, given by fields of their key records. Callers with the same `tenant` share it,
 * under a name unique to the test.
 */
export async function serveCallers<Name extends string>(
  stack: GatewayStack,
  fields: Record<Name, { tenant: string; scopes?: string[]; [field: string]: unknown }>,
  env: NodeJS.ProcessEnv = {},
): Promise<Record<Name, Caller> & { url: string }> {
  const suffix = randomUUID().slice(0, 8);
  const made = Object.entries<(typeof fields)[Name]>(fields).map(([name, { tenant, ...others }]) => ({
    name,
    tenant: tenant === '*' ? tenant : `${tenant}-${suffix}`,
    others,
    ...createApiKey(),
  }));
  const keys = made.map(({ id, key, tenant, others }) => ({
    id,
    tenant,
    sha256: digestOf(key),
    name: 'a test',
    scopes: ['admin'],
    createdAt: new Date().toISOString(),
    ...others,
  }));
  const file = path.join(await temporaryFolder(), 'keys.json');
  await writeFile(file, JSON.stringify({ keys }), { mode: 0o600 });
  const { url } = await stack.serve({ RUNCOMFY_GATEWAY_KEYS_FILE: file, ...env });
  const callers = made.map(({ name, tenant, key }): [string, Caller] => {
    const authorization = `Bearer ${key}`;
    return [
      name,
      {
        tenant,
        authorization,
        get: (target, headers) => call(url, target, { headers: { authorization, ...headers } }),
        post: (target, body, headers) =>
          call(url, target, { method: 'POST', headers: { authorization, ...headers }, ...(body && { body }) }),
      },
    ];
  });
  return { url, ...(Object.fromEntries(callers) as Record<Name, Caller>) };
}
