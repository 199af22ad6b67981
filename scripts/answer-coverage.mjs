import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { root } from './run-step.mjs';

const parent = `${root}/.cache/test`;
const files = ['docs/openapi.json', 'docs/compat-openapi.yaml'];

/** Statuses that no test which calls a gateway can see, and why that is acceptable. */
const beyondTests = {
  408: 'answered before there is a request: broken-calls.test.ts reads its bytes',
  431: 'answered before there is a request: refusals.test.ts and broken-calls.test.ts read its bytes',
  500: 'a defect',
};

/** Prefix of the files in which tests without a server record their answers. */
const withoutServer = 'test+unit+';

/** A new folder for the answers that the tests of this run record; another run may be in progress beside it. */
export function answersFolder() {
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(`${parent}/answers-`);
}

/** Compares the recorded answers of the gateway with its API documents; counts as one check. */
export async function checkAnswers(folder) {
  const problems = await problemsOf(folder).catch((error) => [`answers of the gateway: ${error.message}`]);
  rmSync(folder, { recursive: true, force: true });
  const isFine = problems.length === 0;
  const line = `${isFine ? 'ok  ' : 'FAIL'}  answers of the gateway, as its documents have them\n`;
  return { passed: isFine ? 1 : 0, failed: isFine ? 0 : 1, problems, outputs: [line] };
}

async function problemsOf(folder) {
  // Imported late: the dependencies may only just have been installed.
  const { parse } = await import('yaml');
  const answers = readdirSync(folder).flatMap((name) => {
    const all = readFileSync(`${folder}/${name}`, 'utf8').split('\n');
    // Successes count only on a real server: without one, the gateway answers with made-up data.
    return name.startsWith(withoutServer) ? all.filter((answer) => / [45]\d\d$/.test(answer)) : all;
  });
  return files.flatMap((file) => {
    const document = parse(readFileSync(`${root}/${file}`, 'utf8'));
    return compareAnswers(document, answers).map((problem) => `${file}: ${problem}`);
  });
}

/**
 * Lists each status of each operation that no test has seen, and each status that a test has seen but the document does
 * not have. An answer is "<method> <path> <status>".
 */
export function compareAnswers({ paths }, answers) {
  const operations = operationsOf(paths);
  const seen = operations.map(() => new Set());
  for (const answer of new Set(answers)) {
    const [, call, status] = /^(\S+ \S+) (\d+)$/.exec(answer) ?? [];
    const at = operations.findIndex(({ pattern }) => call !== undefined && pattern.test(call));
    if (at !== -1) seen[at].add(status);
  }
  return operations.flatMap(({ id, statuses }, at) => {
    const unseen = statuses.filter((status) => !seen[at].has(status) && !(status in beyondTests) && !isRange(status));
    const beyond = [...seen[at]].filter((status) => !statuses.includes(status) && !statuses.includes(`${status[0]}XX`));
    return [
      ...unseen.map((status) => `no test has seen ${id} answer ${status}`),
      ...beyond.map((status) => `a test has seen ${id} answer ${status}, which it does not have`),
    ];
  });
}

/** Operations with the fewest parameters first: if two match a call, the first one is meant. */
function operationsOf(paths) {
  return Object.entries(paths)
    .flatMap(([place, methods]) =>
      Object.entries(methods)
        .filter(([, { operationId }]) => operationId !== undefined)
        .map(([method, { operationId: id, responses }]) => ({
          id,
          place,
          statuses: Object.keys(responses),
          pattern: new RegExp(`^${method.toUpperCase()} ${toPattern(place)}/?$`),
        })),
    )
    .sort((one, other) => countParameters(one.place) - countParameters(other.place));
}

/** A `{model_id}` in RunComfy's own API spans several segments; any other parameter is one segment. */
function toPattern(place) {
  return place
    .replaceAll('.', '\\.')
    .replace('{model_id}', '.+')
    .replaceAll(/\{\w+\}/g, '[^/]+');
}

function countParameters(place) {
  return place.split('{').length - 1;
}

function isRange(status) {
  return status.endsWith('XX');
}
