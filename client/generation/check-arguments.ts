import { isJsonObject } from '../../domain/json.ts';
import { maxWorkflowIdLength, tooLong, unkeepableIn } from '../../domain/names.ts';
import { cutText } from '../../domain/text.ts';
import { GenerationError } from '../errors.ts';

/** Longest Workflow ID, in bytes, that a server accepts by default. */
const maxKeyBytes = 1_000;

/** Refuses a value that cannot be a generation's key, also for callers without a compiler. */
export function checkKey(key: unknown): asserts key is string {
  const problem = problemOfKey(key);
  if (problem === undefined) return;
  const known = typeof key === 'string' ? cutText(key, 100) : undefined;
  throw invalidArgument('key', `expected text of 1 to ${String(maxKeyBytes)} bytes, got ${problem}`, known);
}

/**
 * Refuses the key of something new if the key, or a longer name derived from it, would be too long for some of
 * Temporal's databases.
 */
export function checkNewKey(key: unknown, maxLength: number = maxWorkflowIdLength): asserts key is string {
  checkKey(key);
  if (key.length <= maxLength) return;
  throw invalidArgument('key', tooLong(key.length, maxLength), cutText(key, 100));
}

/** Refuses a value by the name of its parameter, also for callers without a compiler. */
export function checkArgument(name: string, isValid: boolean, expected: string, key?: string): void {
  if (!isValid) throw invalidArgument(name, `expected ${expected}`, key);
}

/**
 * Copies the fields of an argument, reading each once; throws `InvalidInput` if it is not an object or if a getter
 * throws.
 */
export function ownFieldsOf<Fields extends object>(name: string, given: Fields, expected: string): Fields {
  let fields: Fields | undefined;
  try {
    if (isJsonObject(given)) fields = { ...given };
  } catch {
    // A getter that throws, or a proxy that was revoked.
  }
  if (fields === undefined) throw invalidArgument(name, `expected ${expected}`, undefined);
  return fields;
}

function invalidArgument(name: string, message: string, key: string | undefined): GenerationError {
  return new GenerationError({
    type: 'InvalidInput',
    message: `nothing was sent, ${name} is not valid: ${message}`,
    key,
    submission: 'not_sent',
    issues: [{ path: name, message }],
  });
}

function problemOfKey(key: unknown): string | undefined {
  if (typeof key !== 'string') return key === null ? 'null' : typeof key;
  if (key === '') return 'nothing';
  const bytes = Buffer.byteLength(key);
  return unkeepableIn(key) ?? (bytes > maxKeyBytes ? `${String(bytes)} bytes` : undefined);
}
