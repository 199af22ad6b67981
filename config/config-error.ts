import type { GatewayConfig } from './gateway.ts';

/** sysexits' EX_CONFIG. */
export const configurationExitCode = 78;

/** What is wrong with the surroundings (environment, files, a missing program). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly exitCode = configurationExitCode;
  readonly problems: readonly string[];
  /** A gateway's settings without those that are wrong, for whoever looks for what else is. */
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
