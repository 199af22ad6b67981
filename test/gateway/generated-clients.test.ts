import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { goExample, goTool } from '../support/examples/examples-go.ts';
import { pythonForExamples } from '../support/examples/examples-python.ts';
import { type Ended, run } from '../support/examples/examples.ts';
import { gatewayStack } from '../support/gateway-stack.ts';
import { installHangMs } from '../support/patience.ts';
import { temporaryFolder } from '../support/processes.ts';

const stack = gatewayStack();

const root = fileURLToPath(new URL('../../', import.meta.url));
const example = path.join(root, 'examples/10-http-client');
const document = path.join(root, 'docs/openapi.json');

/** A key that a path must quote. */
const newKey = () => `order/${randomUUID()}`;

/** Runs a client twice with one key, and holds what it tells of its order and of what was refused. */
async function expectOneOrder(client: (key: string) => Promise<Ended>): Promise<void> {
  const key = newKey();
  const before = stack.simulator().ledger().jobs.length;
  const first = await client(key);
  expect(first, first.stderr).toMatchObject({ code: 0 });
  const [told = '', ...refusals] = first.stdout.trim().split('\n');
  expect(told.split(' ')).toEqual([key, expect.stringMatching(/^https?:\/\/.+/)]);
  expect(refusals).toEqual(['KeyInUse', 'KeyNotFound']);
  expect((await client(key)).stdout).toBe(first.stdout);
  expect(stack.simulator().ledger().jobs).toHaveLength(before + 1);
}

describe('a client that is generated from the OpenAPI document', { timeout: installHangMs }, () => {
  it('in Python is whole, and orders once for a key', async () => {
    const python = await pythonForExamples(path.join(example, 'requirements.txt'));
    const folder = await temporaryFolder();
    const generated = await run(python, [
      '-m',
      'openapi_python_client',
      'generate',
      '--meta',
      'none',
      '--fail-on-warning',
      '--path',
      document,
      '--config',
      path.join(example, 'openapi-python-client.yaml'),
      '--output-path',
      path.join(folder, 'runcomfy_client'),
    ]).ended;
    expect(generated, generated.stdout + generated.stderr).toMatchObject({ code: 0 });
    const env = { PATH: process.env['PATH'], PYTHONPATH: folder };
    const client = (key: string) => run(python, [path.join(example, 'main.py'), stack.url(), key], env).ended;
    await expectOneOrder(client);
  });

  it('in Go compiles, and orders once for a key', async () => {
    const prepare = async (folder: string) => {
      await mkdir(path.join(folder, 'api'));
      const what = ['-generate', 'types,client', '-package', 'api', '-o', path.join(folder, 'api', 'api.gen.go')];
      const generated = await run(await goTool(folder), [...what, document]).ended;
      expect(generated, generated.stdout + generated.stderr).toMatchObject({ code: 0 });
    };
    const program = await goExample('10-http-client', { prepare });
    await expectOneOrder((key) => run(program, [stack.url(), key]).ended);
  });
});
