import { z } from 'zod';

const document = String.raw`\{`;
const webhookSecret = 'whsec_';
/** Of 32 bytes, in base64 or base64url (an absolute path may look like one without padding), or in hex. */
const codecKey = String.raw`[\w+/-]{43}=$|[\w+-][\w+/-]{42}$|[\dA-Fa-f]{64}$`;

/** A path of a file with secrets: errors name it, so that it may not be what belongs into the file. */
export const secretFile = z
  .string()
  .regex(
    new RegExp(`^(?!${document}|${webhookSecret}|${codecKey})`),
    'expected the path of a file, not what stands in the file',
  );

/** Values that may have several lines: certificates and keys as they stand in their files. */
const multiLine = /_DATA$/;

/** A gRPC header may be empty (that removes it), and is whatever its server wants. */
const grpcHeader = /^TEMPORAL_GRPC_META_/;

const ours = /^(?:RUNCOMFY|TEMPORAL)_|^(?:XDG_[A-Z]+_HOME|CI)$/;

const quote = /^["'`“”‘’]|["'`“”‘’]$/;

/**
 * The environment as every part of the product reads it: our variables without the blanks, line breaks and byte order
 * marks that files and secrets leave around them, and without those that are blank, which Compose passes on for unset ones.
 * Adds to `problems` what cannot be meant so; no message holds a value.
 */
export function cleanEnvironment(env: NodeJS.ProcessEnv, problems: string[]): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, given] of Object.entries(env)) {
    if (given === undefined) continue;
    const value = ours.test(name) ? trimValue(given) : given;
    if (ours.test(name)) {
      if (value === '' && !grpcHeader.test(name)) continue;
      const problem = problemOf(name, value);
      if (problem !== undefined) problems.push(`${name}: ${problem}.`);
    }
    clean[name] = value;
  }
  return clean;
}

/** What a file or a variable holds, without what editors, shells and secret stores leave around it. */
export function trimValue(text: string): string {
  // `trim` takes the byte order mark for a blank, as the language defines it.
  return text.trim();
}

/** Whether a value stands in quotes, or in half of them. */
export function isQuoted(value: string): boolean {
  return quote.test(value);
}

function problemOf(name: string, value: string): string | undefined {
  if (multiLine.test(name)) return undefined;
  if (isQuoted(value)) return 'the value has quotes around it; leave them out';
  if (/\p{Cc}/u.test(value)) return 'the value has line breaks or control characters in it; it must be one line';
  return undefined;
}
