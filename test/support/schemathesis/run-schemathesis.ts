import { fileURLToPath } from 'node:url';
import { pythonForExamples } from '../examples/examples-python.ts';
import { run } from '../examples/examples.ts';
import { hangMs } from '../patience.ts';
import { temporaryFolder } from '../processes.ts';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

/**
 * Starts Schemathesis through the interpreter, since its own command is a script next to it. First changes to the given
 * folder, where it stores data about the run.
 */
const start = 'import os, sys; os.chdir(sys.argv.pop(1)); from schemathesis.cli import schemathesis; schemathesis()';

/** Checks whether values are accepted are left out: half of what an order needs is not expressed in the schema. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
];

/** `coverage` tries every boundary of every field and takes minutes. */
type Phase = 'examples' | 'coverage' | 'fuzzing' | 'stateful';

/**
 * Calls every operation of a gateway's OpenAPI document with valid and invalid values, and checks each answer against
 * it.
 */
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
    // Long enough for a cancel, which waits for its outcome.
    '--request-timeout',
    String(hangMs / 1_000),
    '--generation-database',
    'none',
    '--no-shrink',
    '--no-color',
  ]).ended;
  return { code, report: stdout + stderr };
}
