import diagnostics from 'node:diagnostics_channel';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { afterAll, expect } from 'vitest';

const folder = fileURLToPath(new URL('../../../.cache/test/answers/', import.meta.url));
/** Where the framework tells of each server that is made of it: of gateways alone, the simulator is none. */
const channel = 'fastify.initialization';
const answers = new Set<string>();

/** Every answer that a gateway in this process gives, whoever asked. */
function record(message: unknown): void {
  const { fastify } = message as { fastify: FastifyInstance };
  fastify.addHook('onResponse', ({ method, url }, { statusCode }, done) => {
    answers.add(`${method} ${url.replace(/\?.*$/s, '')} ${String(statusCode)}`);
    done();
  });
}

diagnostics.subscribe(channel, record);

afterAll(() => {
  diagnostics.unsubscribe(channel, record);
  if (answers.size === 0) return;
  mkdirSync(folder, { recursive: true });
  const { testPath = '' } = expect.getState();
  writeFileSync(path.join(folder, `${path.basename(testPath)}.txt`), [...answers].join('\n'));
});
