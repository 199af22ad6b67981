import { expect, it } from 'vitest';
import { serveCallers } from '../support/gateway-keys.ts';
import { gatewayStack } from '../support/gateway-stack.ts';
import { runSchemathesis } from '../support/schemathesis/run-schemathesis.ts';

const stack = gatewayStack();

/** `npm run fuzz:api` asks for more than every run of the tests. */
const { FUZZ_API_EXAMPLES: asked, FUZZ_API_SEED: seed = '1' } = process.env;
const few = { examples: 2, phases: ['examples', 'fuzzing'] } as const;
const many = { examples: Number(asked), phases: ['examples', 'coverage', 'fuzzing', 'stateful'] } as const;
const campaignMs = 3_600_000;

it(
  'answers every operation as its document says, whatever it is sent',
  async () => {
    const { url, fuzzer } = await serveCallers(stack, { fuzzer: { tenant: 'fuzz-api' } });
    const extent = asked === undefined ? few : many;
    const { code, report } = await runSchemathesis(url, fuzzer.authorization, { ...extent, seed: Number(seed) });
    expect(code, report).toBe(0);
    expect(report).toContain('49 selected');
  },
  ...(asked === undefined ? [] : [campaignMs]),
);
