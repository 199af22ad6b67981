import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { batchLimits } from '../../domain/batch/batch.ts';
import { messageOf } from '../../domain/text.ts';
import type { SchemaNode } from '../../runcomfy/models/normalize-schema.ts';
import { parseJson, valueOf } from './cells.ts';

/** Formats of a file of items. */
export const itemFormats = ['jsonl', 'csv'] as const;

/** One of `itemFormats`. */
export type ItemFormat = (typeof itemFormats)[number];

/** The content of one line of a file, or why it cannot be read. */
export type ItemLine = { line: number } & ({ item: unknown } | { problem: string });

/** How a file of items is read. */
export interface ItemFileOptions {
  /** Default: JSON Lines if the first character that is not blank is `{`, else CSV. */
  format?: ItemFormat | undefined;
  /** The schema for the values of a CSV row: that of the plan's params, else that of the row's model. */
  schemaOf: (model: string | undefined) => Promise<SchemaNode | undefined>;
}

/** Reads items one by one, so that files of any length fit into memory; throws if the text is not UTF-8. */
export async function* readItemLines(
  bytes: AsyncIterable<Uint8Array>,
  { format, schemaOf }: ItemFileOptions,
): AsyncGenerator<ItemLine, void, undefined> {
  const text = decode(bytes);
  let begin = '';
  for (let next = await text.next(); next.done !== true; next = await text.next()) {
    begin += next.value;
    if (begin.trim() !== '') break;
  }
  if (begin.trim() === '') return;
  const whole = prepend(begin, text);
  const isJson = (format ?? (begin.trimStart().startsWith('{') ? 'jsonl' : 'csv')) === 'jsonl';
  if (isJson) yield* readJsonLines(whole);
  else yield* readCsv(whole, schemaOf);
}

async function* readJsonLines(text: AsyncIterable<string>): AsyncGenerator<ItemLine, void, undefined> {
  let line = 0;
  for await (const content of splitLines(text)) {
    line += 1;
    if (content === undefined) yield { line, problem: `is longer than ${String(batchLimits.itemBytes)} bytes` };
    else if (content.trim() !== '') yield { line, ...parseJson(content) };
  }
}

interface CsvRecord {
  record: string[];
  /** The text of the record in the file, with its line break. */
  raw: string;
  info: { lines: number };
}

async function* readCsv(
  text: AsyncIterable<string>,
  schemaOf: ItemFileOptions['schemaOf'],
): AsyncGenerator<ItemLine, void, undefined> {
  const parser = parse({
    info: true,
    raw: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: batchLimits.itemBytes * 2,
  });
  const fed = pipeline(text, parser);
  // Its errors are thrown by reading the parser.
  fed.catch(() => undefined);
  let header: string[] | undefined;
  try {
    for await (const { record, raw, info } of parser as AsyncIterable<CsvRecord>) {
      const line = info.lines;
      if (header === undefined) {
        header = record.map((name) => name.trim());
        const problems = findHeaderProblems(header);
        if (problems.length === 0) continue;
        for (const problem of problems) yield { line, problem };
        return;
      }
      const problem = findRowProblem(header, record, raw);
      yield problem === undefined ? { line, item: await itemOfRow(header, record, schemaOf) } : { line, problem };
    }
    await fed;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    yield { line: parser.info.lines, problem: `is no CSV: ${messageOf(error)}` };
  } finally {
    parser.destroy();
    await fed.catch(() => undefined);
  }
}

const quote = (text: string) => JSON.stringify(text.slice(0, 100));

function findHeaderProblems(header: readonly string[]): string[] {
  if (!header.includes('id')) {
    return [`the header has no column "id": ${quote(header.join(','))}; columns are separated by commas`];
  }
  const placeOf = (name: string) => `${/^(?:id$|model$|param\.)/.test(name) ? '' : 'input.'}${name}.`;
  const columns = header.filter((name) => name !== '').map((name) => ({ place: placeOf(name), name }));
  // Sorted this way, a column is followed by the columns nested in it.
  columns.sort((one, other) => (one.place < other.place ? -1 : 1));
  return columns.flatMap(({ place, name }, at) => {
    const next = columns[at + 1];
    if (next?.place.startsWith(place) !== true) return [];
    const what = next.place === place ? 'twice' : `beside ${quote(next.name)}, which is a part of it`;
    return [`the header has ${quote(name)} ${what}`];
  });
}

function findRowProblem(header: readonly string[], cells: readonly string[], raw: string): string | undefined {
  const count = String(cells.length);
  if (cells.length > header.length) return `has ${count} cells, and the header ${String(header.length)}`;
  // Spreadsheets leave out empty cells at the end of a row. A last row without a line break may also have been cut off
  // while it was written.
  if (cells.length < header.length && !/[\r\n]$/.test(raw)) {
    return (
      `has ${count} cells of ${String(header.length)} and no line break behind them, as a file has that is cut off: ` +
      'write the rest, or commas for cells that are empty, or end the file with a line break'
    );
  }
  const isLost = (cell: string, at: number) => header[at] === '' && cell.trim() !== '' && !isRowNumber(cell, at);
  const lost = cells.findIndex(isLost);
  if (lost < 0) return undefined;
  return `has a value in column ${String(lost + 1)}, which has no name: name the column in the header, or empty the cell`;
}

/** Whether a cell is a row number: pandas and R write them into a first column without a name. */
function isRowNumber(cell: string, at: number): boolean {
  return at === 0 && /^\d+$/.test(cell);
}

/**
 * The item of a row: empty cells are missing fields, as are blank cells where no text is expected; dots in names nest.
 */
async function itemOfRow(
  header: readonly string[],
  cells: readonly string[],
  schemaOf: ItemFileOptions['schemaOf'],
): Promise<Record<string, unknown>> {
  const item: Record<string, unknown> = {};
  const input: Record<string, unknown> = {};
  const params: Record<string, unknown> = {};
  const modelCell = cells[header.indexOf('model')];
  const model = modelCell === '' ? undefined : modelCell;
  const schema = await schemaOf(model);
  for (const [at, name] of header.entries()) {
    const cell = cells[at] ?? '';
    if (cell === '' || name === '') continue;
    const path = name.split('.');
    if (name === 'id' || name === 'model') item[name] = cell;
    else if (path.length > 1 && path[0] === 'param')
      setIn(params, path.slice(1), valueOf(cell, nodeAt(schema, path.slice(1))));
    else setIn(input, path, valueOf(cell, nodeAt(schema, path)));
  }
  const has = (part: object) => Object.keys(part).length > 0;
  return { ...item, ...(has(params) && { params }), ...(has(input) && { input }) };
}

function setIn(into: Record<string, unknown>, [name = '', ...rest]: string[], value: unknown): void {
  if (value === undefined) return;
  if (rest.length === 0) {
    Object.defineProperty(into, name, { value, enumerable: true, writable: true, configurable: true });
    return;
  }
  const inner = Object.hasOwn(into, name) ? into[name] : {};
  const next = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
  setIn(next, rest, value);
  setIn(into, [name], next);
}

function nodeAt(node: SchemaNode | undefined, [name, ...rest]: string[]): SchemaNode | undefined {
  if (name === undefined) return node;
  const properties = node?.properties;
  return properties && Object.hasOwn(properties, name) ? nodeAt(properties[name], rest) : undefined;
}

/** Decodes text; throws a `TypeError` for anything but UTF-8, and drops a byte order mark. */
async function* decode(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const part of bytes) {
    const text = decoder.decode(part, { stream: true });
    if (text !== '') yield text;
  }
  const rest = decoder.decode();
  if (rest !== '') yield rest;
}

async function* prepend(first: string, rest: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  yield first;
  yield* rest;
}

/** Splits text into lines without their line breaks; undefined for a line that is too long to be an item. */
async function* splitLines(text: AsyncIterable<string>): AsyncGenerator<string | undefined, void, undefined> {
  let held = '';
  let isTooLong = false;
  for await (const part of text) {
    const pieces = part.split('\n');
    pieces[0] = held + (pieces[0] ?? '');
    held = pieces.pop() ?? '';
    for (const piece of pieces) {
      yield isTooLong || piece.length > batchLimits.itemBytes ? undefined : piece.replace(/\r$/, '');
      isTooLong = false;
    }
    if (held.length > batchLimits.itemBytes) [held, isTooLong] = ['', true];
  }
  if (isTooLong) yield undefined;
  else if (held !== '') yield held.replace(/\r$/, '');
}
