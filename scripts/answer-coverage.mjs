import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { root } from './run-step.mjs';

const parent = `${root}/.cache/test`;
const files = ['docs/openapi.json', 'docs/compat-openapi.yaml'];

/** What no test that calls a gateway can see, and why that is enough. */
const beyondTests = {
  408: 'answered before there is a request: broken-calls.test.ts reads its bytes',
  431: 'answered before there is a request: refusals.test.ts and broken-calls.test.ts read its bytes',
  500: 'a defect',
};

/** How the names begin of what the tests without a server record. */
const withoutServer = 'test+unit+';

/** A new folder, in which the tests record the answers of this run alone: another may go on beside it. */
export function answersFolder() {
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(`${parent}/answers-`);
}

/** Holds what the tests have recorded of a gateway's answers against its documents; counts as one check. */
export async function checkAnswers(folder) {
  const problems = await problemsOf(folder).catch((error) => [`answers of the gateway: ${error.message}`]);
  rmSync(folder, { recursive: true, force: true });
  const isFine = problems.length === 0;
  const line = `${isFine ? 'ok  ' : 'FAIL'}  answers of the gateway, as its documents have them\n`;
  return { passed: isFine ? 1 : 0, failed: isFine ? 0 : 1, problems, outputs: [line] };
}

async function problemsOf(folder) {
  // Once what the tests need is installed.
  const { parse } = await import('yaml');
  const answers = readdirSync(folder).flatMap((name) => {
    const all = readFileSync(`${folder}/${name}`, 'utf8').split('\n');
    // What succeeds is seen on a server: in tests without one a gateway speaks with what is made up.
    return name.startsWith(withoutServer) ? all.filter((answer) => / [45]\d\d$/.test(answer)) : all;
  });
  return files.flatMap((file) => {
    const document = parse(readFileSync(`${root}/${file}`, 'utf8'));
    return compareAnswers(document, answers).map((problem) => `${file}: ${problem}`);
  });
}

/**
 * What of a document no test has seen: each status of each operation. And what a test has seen that the document does not
 * have. An answer is "<method> <path> <status>".
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

/** Those with the fewest parameters first: where two have a call, it is theirs. */
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

/** A model id in RunComfy's own API has several segments, as a parameter elsewhere has one. */
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
