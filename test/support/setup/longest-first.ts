import { relative } from 'node:path';
import { BaseSequencer, type TestSequencer, type TestSpecification, type Vitest } from 'vitest/node';

/** Files that take most of a minute or more, longest first. If one began last, everything would wait for it alone. */
const longest = [
  'test/e2e/package.test.ts',
  'test/workflow/generation/unknown-submission.test.ts',
  'test/workflow/generation/two-gears.test.ts',
  'test/e2e/fault-matrix.e2e.test.ts',
  'test/e2e/examples.e2e.test.ts',
  'test/e2e/half-configured.e2e.test.ts',
  'test/e2e/cli.e2e.test.ts',
  'test/e2e/crash-matrix-killed.e2e.test.ts',
  'test/e2e/outage.e2e.test.ts',
  'test/e2e/pipeline-killed.e2e.test.ts',
  'test/workflow/budget/reservations.test.ts',
  'test/workflow/pipeline/further-orders.test.ts',
  'test/e2e/submits.e2e.test.ts',
  'test/e2e/image.test.ts',
  'test/e2e/keys.e2e.test.ts',
  'test/workflow/generation/decisions.test.ts',
  'test/e2e/crash-matrix-stopped.e2e.test.ts',
  'test/fuzz/fuzz.test.ts',
  'test/gateway/generated-clients.test.ts',
  'test/workflow/pipeline/history-budget.test.ts',
];

/**
 * Makes vitest begin with the longest files. On its own it knows their durations only from an earlier run on the same
 * machine.
 */
export function longestFirst(vitest: Vitest): TestSequencer {
  const usual = new BaseSequencer(vitest);
  const rank = ({ moduleId }: TestSpecification) => {
    const file = relative(vitest.config.root, moduleId);
    const place = longest.indexOf(file);
    return place === -1 ? longest.length : place;
  };
  const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
  return {
    shard: (files) => usual.shard(files),
    sort: async (files) => (await usual.sort(files)).toSorted((a, b) => groupOf(a) - groupOf(b) || rank(a) - rank(b)),
  };
}
