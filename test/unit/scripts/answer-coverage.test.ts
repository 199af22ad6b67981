import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const module = new URL('../../../scripts/answer-coverage.mjs', import.meta.url).href;
const operation = (operationId: string, ...statuses: string[]) => ({
  operationId,
  responses: Object.fromEntries(statuses.map((status) => [status, {}])),
});
const paths = {
  '/v1/models': { get: operation('list', '200', '422') },
  '/v1/models/categories': { get: operation('categories', '200', '304') },
  '/v1/models/{model_id}': { parameters: [], post: operation('submit', '200', '4XX', '422', '429', '500') },
  '/v1/requests/{id}/status': { get: operation('status', '200', '404', '429') },
};

/** Plain JavaScript without types: asked in a process of its own, as npm test does. */
async function evaluate(expression: string, given: unknown = []): Promise<unknown> {
  const script = `import * as coverage from ${JSON.stringify(module)};
    const given = JSON.parse(process.argv[1]);
    process.stdout.write(JSON.stringify(${expression}));`;
  const args = ['--input-type=module', '--eval', script, JSON.stringify(given)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as unknown;
}

async function compare(answers: string[]): Promise<string[]> {
  return (await evaluate('coverage.compareAnswers(...given)', [{ paths }, answers])) as string[];
}

it('tells what of a document no test has seen, and what a test has seen beyond it', async () => {
  const answers = [
    'GET /v1/models 200',
    'GET /v1/models/categories 200',
    'POST /v1/models/a/b/c 200',
    'POST /v1/models/a/b 402',
    'GET /v1/requests/order%2F1/status 404',
    'GET /v1/requests/x/status 409',
    'GET /healthz 200',
    '',
  ];
  expect((await compare(answers)).toSorted()).toEqual([
    'a test has seen status answer 409, which it does not have',
    'no test has seen categories answer 304',
    'no test has seen list answer 422',
    'no test has seen status answer 200',
    'no test has seen status answer 429',
    'no test has seen submit answer 422',
    'no test has seen submit answer 429',
  ]);
});

it('has nothing to tell where every answer of each operation was seen', async () => {
  const all = ['GET /v1/models 200', 'GET /v1/models/ 422', 'GET /v1/models/categories 304', 'POST /v1/models/a/b 200'];
  const others = ['GET /v1/models/categories 200', 'GET /v1/requests/x/status 200', 'GET /v1/requests/x/status 404'];
  const refused = ['POST /v1/models/a/b 429', 'POST /v1/models/a/b 422', 'GET /v1/requests/x/status 429'];
  expect(await compare([...all, ...others, ...refused])).toEqual([]);
});

it('keeps the answers of each run by themselves, and counts as failed where they are gone', async () => {
  const [one, other] = await Promise.all([1, 2].map(() => evaluate('coverage.answersFolder()')));
  onTestFinished(() => {
    for (const folder of [one, other]) rmSync(String(folder), { recursive: true, force: true });
  });
  expect(one).not.toBe(other);
  expect(existsSync(String(one)) && existsSync(String(other))).toBe(true);
  expect(await evaluate('await coverage.checkAnswers(given)', `${String(one)}/gone`)).toMatchObject({
    passed: 0,
    failed: 1,
    problems: [expect.stringContaining('ENOENT')],
  });
  // None of the run's tests called a gateway: the folder has served.
  expect(await evaluate('await coverage.checkAnswers(given)', one)).toMatchObject({ passed: 0, failed: 1 });
  expect(existsSync(String(one))).toBe(false);
});
