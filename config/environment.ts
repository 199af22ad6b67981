import { z } from 'zod';

const document = String.raw`\{`;
const webhookSecret = 'whsec_';
/**
 * A key of 32 bytes, in base64, base64url or hex. Base64 without padding counts only if it does not begin with a slash,
 * since an absolute path could look like that.
 */
const codecKey = String.raw`[\w+/-]{43}=$|[\w+-][\w+/-]{42}$|[\dA-Fa-f]{64}$`;

/** The path of a file with secrets. Errors name it, so the contents of the file must not be accepted in its place. */
export const secretFile = z
  .string()
  .regex(
    new RegExp(`^(?!${document}|${webhookSecret}|${codecKey})`),
    'expected the path of a file, not what stands in the file',
  );

/** Values that may span several lines: the contents of certificate and key files. */
const multiLine = /_DATA$/;

/** A gRPC header may be empty, which removes it, and its format is up to the server. */
const grpcHeader = /^TEMPORAL_GRPC_META_/;

const ours = /^(?:RUNCOMFY|TEMPORAL)_|^(?:XDG_[A-Z]+_HOME|CI)$/;

const quote = /^["'`“”‘’]|["'`“”‘’]$/;

/**
 * The environment as every part of the product reads it: our variables are trimmed of the blanks, line breaks and byte
 * order marks that files and secret stores leave around them, and dropped when blank, since Compose passes unset
 * variables as blank ones. Adds to `problems` values that cannot be intended. No message holds a value.
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

/** Trims what editors, shells and secret stores leave around a value. */
export function trimValue(text: string): string {
  // By the language's definition, `trim` also removes a byte order mark.
  return text.trim();
}

/** Whether a value has a quote at its beginning or end. */
export function isQuoted(value: string): boolean {
  return quote.test(value);
}

function problemOf(name: string, value: string): string | undefined {
  if (multiLine.test(name)) return undefined;
  if (isQuoted(value)) return 'the value has quotes around it; leave them out';
  if (/\p{Cc}/u.test(value)) return 'the value has line breaks or control characters in it; it must be one line';
  return undefined;
}
