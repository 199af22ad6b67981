import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { figureOf, type GatewayFigure } from './figure.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Folders whose code ships and may be about webhooks. */
const folders = [
  'activities',
  'cli',
  'client',
  'codec',
  'config',
  'domain',
  'gateway',
  'nexus',
  'setup',
  'worker',
  'workflows',
];

/** The size of the gateway's code, and of webhooks, MCP and Nexus: lines that are neither blank nor comments. */
export function handWritten(): GatewayFigure[] {
  const files = folders.flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  );
  const isBeside = (file: string) => /^(?:nexus|gateway\/mcp)\/|webhook/.test(file);
  const linesOf = (some: string[]) => some.reduce((sum, file) => sum + codeLinesIn(`${root}${file}`), 0);
  const gateway = files.filter((file) => file.startsWith('gateway/') && !isBeside(file));
  return [
    figureOf('hand-written lines: gateway', '', linesOf(gateway), { atMost: 2_000 }),
    figureOf('hand-written lines: webhooks, MCP and Nexus', '', linesOf(files.filter(isBeside)), { atMost: 900 }),
  ];
}

function codeLinesIn(file: string): number {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => !/^\s*(?:$|\/\/|\/\*|\*)/.test(line)).length;
}
