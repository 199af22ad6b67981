import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { cliErrorTypes } from '../../../cli/cli-error.ts';
import { exitCodes } from '../../../cli/exit-codes.ts';
import { runCli } from '../../../cli/main.ts';
import { clientErrorTypes } from '../../../client/index.ts';
import { codeIn, commandLinesOf, readPage, readPages, tableBelow } from '../../support/docs.ts';

const everywhere = ['--output', '--help'];
let options: Map<string, string[]>;

beforeAll(async () => {
  const help = await helpOf();
  const nested = groupsIn(help).map(async (group) => commandsIn(await helpOf(group)).map((name) => `${group} ${name}`));
  const commands = [...commandsIn(help), ...(await Promise.all(nested)).flat()];
  const entries = commands.map(async (name): Promise<[string, string[]]> => [name, optionsIn(await helpOf(name))]);
  options = new Map(await Promise.all(entries));
});

describe('the documented command line', () => {
  it('names on every page only commands that exist, with options that they have', () => {
    const lines = readPages().flatMap((page) =>
      commandLinesOf(page, 'runcomfy-temporal')
        // What a schedule orders is a command line of its own.
        .flatMap((line) => (line.startsWith('schedule create ') ? line.split(/ -- +/) : [line]))
        .map((line) => ({ page: page.name, line })),
    );
    const wrong = lines.filter(({ line }) => {
      const [first = '', second = '', ...rest] = line.split(' ');
      const isNested = options.has(`${first} ${second}`);
      const [command, words] = isNested ? [`${first} ${second}`, rest] : [first, [second, ...rest]];
      if (command === '' || command.startsWith('<') || command.startsWith('/') || command === '--help') return false;
      const known = options.get(command);
      const used = words.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0] ?? '');
      return known === undefined || used.some((option) => !known.includes(option) && !everywhere.includes(option));
    });
    expect(wrong).toEqual([]);
    expect(lines.length).toBeGreaterThan(20);
  });

  it('has in docs/cli.md every command with exactly its options', () => {
    const page = readPage('docs/cli.md');
    const headings = [...page.text.matchAll(/^### (.+)$/gm)].map(([, heading = '']) => heading);
    const documented = headings.map((heading) => [
      heading.replace(/ [A-Z].*$/, ''),
      tableBelow(page, heading).map(([cell]) => codeIn(cell)[0]?.split(' ')[0]),
    ]);
    expect(Object.fromEntries(documented)).toEqual(
      Object.fromEntries(
        [...options].map(([name, own]) => [name, own.filter((option) => !everywhere.includes(option))]),
      ),
    );
  });

  it('has in docs/cli.md every exit code and every error type', () => {
    const page = readPage('docs/cli.md');
    const codes = tableBelow(page, 'Exit codes').map(([code]) => Number(code));
    expect(codes).toEqual(Object.values(exitCodes).sort((a, b) => a - b));
    expect([...clientErrorTypes, ...cliErrorTypes].filter((type) => !page.text.includes(`\`${type}\``))).toEqual([]);
  });
});

/** What `--help` prints. */
async function helpOf(command?: string): Promise<string> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  await runCli([...(command?.split(' ') ?? []), '--help'], { stdin, stdout, stderr });
  stdout.end();
  return text(stdout);
}

function commandsIn(help: string): string[] {
  return [...help.matchAll(/^ {2}([a-z-]+) \[options\]/gm)].map(([, name = '']) => name);
}

/** Commands that have no options of their own, but commands. */
function groupsIn(help: string): string[] {
  return [...help.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, name = '']) => name);
}

function optionsIn(help: string): string[] {
  return [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option = '']) => option);
}
