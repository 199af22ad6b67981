import diagnostics from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { afterAll, expect } from 'vitest';
import { madeServers } from './made-servers.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** Set only in a whole run, which has a folder for the answers. */
const folder = process.env['TEST_ANSWERS_FOLDER'] ?? '';
const answers = new Set<string>();

/** Records every answer of a gateway in this process. */
function record(message: unknown): void {
  const { fastify } = message as { fastify: FastifyInstance };
  fastify.addHook('onResponse', ({ method, url }, { statusCode }, done) => {
    answers.add(`${method} ${url.replace(/\?.*$/s, '')} ${String(statusCode)}`);
    done();
  });
}

if (folder !== '') diagnostics.subscribe(madeServers.name, record);

afterAll(() => {
  diagnostics.unsubscribe(madeServers.name, record);
  if (answers.size === 0) return;
  const { testPath = '' } = expect.getState();
  const name = path.relative(root, testPath).replaceAll(path.sep, '+');
  writeFileSync(path.join(folder, `${name}.txt`), [...answers].join('\n'));
});
