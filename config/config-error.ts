import type { GatewayConfig } from './gateway.ts';

/** sysexits' EX_CONFIG. */
export const configurationExitCode = 78;

/** Something is wrong with the process's surroundings: its environment, a file or a missing program. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly exitCode = configurationExitCode;
  readonly problems: readonly string[];
  /** The gateway's settings without the invalid ones, for callers that check the rest as well. */
  readonly gateway: GatewayConfig | undefined;

  constructor(problems: readonly string[], { gateway }: { gateway?: GatewayConfig | undefined } = {}) {
    const [only] = problems;
    super(
      problems.length === 1 && only !== undefined
        ? only
        : `Configuration:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
    );
    this.problems = problems;
    this.gateway = gateway;
  }
}
