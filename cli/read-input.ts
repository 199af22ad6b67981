import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

import { parse } from 'jsonc-parser';
import type { ParseError } from 'jsonc-parser';

import { isJsonObject } from '../domain/json.ts';

import { CliError } from './cli-error.ts';

export interface InputSource {
  /** JSON text. */
  input?: string | undefined;
  /** Path of a file with JSON text, `-` for standard input. */
  inputFile?: string | undefined;
}

/** The model's input as given on the command line, in a file or on standard input; undefined where none was given. */
export async function readInput(
  { input, inputFile }: InputSource,
  stdin: NodeJS.ReadableStream,
): Promise<Record<string, unknown> | undefined> {
  if (input !== undefined && inputFile !== undefined) {
    throw new CliError('Usage', 'give the input once: either --input or --input-file');
  }
  if (input !== undefined) return parseInput(input, '--input');
  if (inputFile === undefined) return undefined;
  return parseInput(await readText(inputFile, stdin), inputFile === '-' ? 'standard input' : inputFile);
}

/** Parses JSON text that must be an object; an error says where in the text it is. */
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

async function readText(inputFile: string, stdin: NodeJS.ReadableStream): Promise<string> {
  if (inputFile === '-') return text(stdin);
  try {
    return await readFile(inputFile, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new CliError('MissingFile', `the input file ${inputFile} cannot be read (${reason})`, { cause: error });
  }
}

function notJson(json: string, source: string, error: unknown): CliError {
  const isEmpty = json.trim() === '';
  const what = isEmpty ? 'is empty, expected a JSON object' : `is not JSON${placeOf(json)}: ${reasonOf(error)}`;
  const issues = [{ path: '$', message: `${source} ${what}` }];
  return new CliError('InvalidInput', `${source} ${what}`, { issues, cause: error });
}

/** `JSON.parse` names the place of some errors only, so a second parser looks for it. */
function placeOf(json: string): string {
  const errors: ParseError[] = [];
  parse(json, errors, { disallowComments: true });
  const [first] = errors;
  if (first === undefined) return '';
  const before = json.slice(0, first.offset).split('\n');
  return ` at line ${String(before.length)}, column ${String((before.at(-1)?.length ?? 0) + 1)}`;
}

function reasonOf(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return reason.replace(/ in JSON at position \d+.*$/s, '').replace(/, (\.{3})?".*" is not valid JSON$/s, '');
}
