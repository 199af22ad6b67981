import { parse, type ParseError } from 'jsonc-parser';
import { isJsonObject } from '../domain/json.ts';
import { messageOf } from '../domain/text.ts';
import { CliError } from './cli-error.ts';
import { readText, type StandardInput } from './read-text.ts';

export interface InputSource {
  /** JSON text. */
  input?: string | undefined;
  /** Path of a file with JSON text, or `-` for standard input. */
  inputFile?: string | undefined;
}

/** The model's input from the command line, a file or standard input; undefined if none was given. */
export async function readInput(
  { input, inputFile }: InputSource,
  stdin: StandardInput['stdin'],
  note: StandardInput['note'] = () => undefined,
): Promise<Record<string, unknown> | undefined> {
  if (input !== undefined && inputFile !== undefined) {
    throw new CliError('Usage', 'give the input once: either --input or --input-file');
  }
  if (input !== undefined) return parseInput(input, '--input');
  if (inputFile === undefined) return undefined;
  const isStdin = inputFile === '-';
  const text = await readText(inputFile, isStdin ? 'standard input' : 'the input file', { stdin, note });
  return parseInput(text, isStdin ? 'standard input' : inputFile);
}

/** Parses JSON text that must be an object. An error says where in the text it is. */
export function parseInput(json: string, source: string): Record<string, unknown> {
  const withoutMark = json.startsWith('\uFEFF') ? json.slice(1) : json;
  let value: unknown;
  try {
    value = JSON.parse(withoutMark);
  } catch (error) {
    throw notJson(withoutMark, source, error);
  }
  if (isJsonObject(value)) return value;
  const message = 'expected a JSON object with the fields of the model';
  throw new CliError('InvalidInput', `${source}: ${message}`, { issues: [{ path: '$', message }] });
}

function notJson(json: string, source: string, error: unknown): CliError {
  const isEmpty = json.trim() === '';
  const what = isEmpty ? 'is empty, expected a JSON object' : `is not JSON${placeOf(json)}: ${parserReason(error)}`;
  const issues = [{ path: '$', message: `${source} ${what}` }];
  return new CliError('InvalidInput', `${source} ${what}`, { issues, cause: error });
}

/** `JSON.parse` reports the position of only some errors, so a second parser finds it. */
function placeOf(json: string): string {
  const errors: ParseError[] = [];
  parse(json, errors, { disallowComments: true });
  const [first] = errors;
  if (first === undefined) return '';
  const before = json.slice(0, first.offset).split('\n');
  return ` at line ${String(before.length)}, column ${String((before.at(-1)?.length ?? 0) + 1)}`;
}

function parserReason(error: unknown): string {
  const reason = messageOf(error);
  return reason.replace(/ in JSON at position \d+.*$/s, '').replace(/, (\.{3})?".*" is not valid JSON$/s, '');
}
