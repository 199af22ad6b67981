import { fileURLToPath } from 'node:url';
import { pythonForExamples } from '../examples/examples-python.ts';
import { run } from '../examples/examples.ts';
import { hangMs } from '../patience.ts';
import { temporaryFolder } from '../processes.ts';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

/** Its own command is a script beside the interpreter; what it remembers of a run goes to a folder that is given first. */
const start = 'import os, sys; os.chdir(sys.argv.pop(1)); from schemathesis.cli import schemathesis; schemathesis()';

/** Whether a value is taken is each operation's own affair: half of what an order needs is no matter of its schema. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
];

/** `coverage` tries every bound of every field; it takes minutes. */
type Phase = 'examples' | 'coverage' | 'fuzzing' | 'stateful';

/** Calls every operation of a gateway's document with odd and with right values, and holds each answer against it. */
export async function runSchemathesis(
  url: string,
  authorization: string,
  { examples, seed, phases }: { examples: number; seed: number; phases: readonly Phase[] },
): Promise<{ code: number | null; report: string }> {
  const python = await pythonForExamples(requirements);
  const folder = await temporaryFolder();
  const args = ['-c', start, folder, 'run', `${url}/api/v1/openapi.json`];
  const { code, stdout, stderr } = await run(python, [
    ...args,
    '--header',
    `Authorization: ${authorization}`,
    '--checks',
    checks.join(','),
    '--phases',
    phases.join(','),
    '--max-examples',
    String(examples),
    '--seed',
    String(seed),
    '--continue-on-failure',
    // A cancel waits for its outcome.
    '--request-timeout',
    String(hangMs / 1_000),
    '--generation-database',
    'none',
    '--no-shrink',
    '--no-color',
  ]).ended;
  return { code, report: stdout + stderr };
}
