import { z } from 'zod';
import { withoutUndefined } from '../domain/json.ts';

/** How a worker offers the Nexus service. */
export interface NexusConfig {
  /** The prefix given to the keys of its callers: `<tenant>/`. */
  readonly keyPrefix?: string;
}

/** The variables of Nexus. */
export const nexusVariables = {
  RUNCOMFY_NEXUS: z.enum(['on', 'off'], 'expected on or off').optional(),
  RUNCOMFY_NEXUS_KEY_PREFIX: z
    .string()
    .regex(
      /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?\/$/,
      'expected a tenant and a slash such as acme/, of small letters, digits and hyphens',
    )
    .optional(),
};

/** The Nexus settings from a parsed environment; undefined if the service is not offered. */
export function nexusConfigOf(
  values: z.output<z.ZodObject<typeof nexusVariables>>,
  problems: string[],
): NexusConfig | undefined {
  const { RUNCOMFY_NEXUS: word, RUNCOMFY_NEXUS_KEY_PREFIX: keyPrefix } = values;
  if (word === 'on') return withoutUndefined({ keyPrefix });
  if (keyPrefix !== undefined) {
    problems.push('RUNCOMFY_NEXUS_KEY_PREFIX: Nexus is off; set RUNCOMFY_NEXUS=on, or leave the prefix out.');
  }
  return undefined;
}
