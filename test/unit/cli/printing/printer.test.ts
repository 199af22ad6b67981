import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { CliError } from '../../../../cli/cli-error.ts';
import { createPrinter } from '../../../../cli/printing/printer.ts';

/** A printer of JSON, and what it has printed so far. */
function jsonPrinter() {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let text = '';
  stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { printer: createPrinter({ stdin: new PassThrough(), stdout, stderr }, 'json'), printed: () => text };
}

const failure = new CliError('Usage', 'no');

it('a failure among documents of one line each is one line', () => {
  const { printer, printed } = jsonPrinter();
  printer.printLine({ phase: 'running' }, () => '');
  printer.printLine({ phase: 'failed' }, () => '');
  printer.fail(failure);
  const lines = printed().trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { phase: 'running' },
    { phase: 'failed' },
    { error: { type: 'Usage', message: 'no' } },
  ]);
});

it('a failure behind a document is none', () => {
  const { printer, printed } = jsonPrinter();
  printer.print({ key: 'k' }, () => '');
  printer.fail(failure);
  expect(JSON.parse(printed())).toEqual({ key: 'k' });
});

it('a failure before anything is the one document', () => {
  const { printer, printed } = jsonPrinter();
  printer.fail(failure);
  expect(JSON.parse(printed())).toMatchObject({ error: { type: 'Usage' } });
});
