import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { failureTypes } from '../../../domain/failure-type.ts';
import { phases, requestFields } from '../../../domain/generation.ts';
import { generationWorkflowType, searchAttributes } from '../../../domain/names.ts';
import { keyRecord } from '../../../gateway/access/key-records.ts';
import { problemNames, wordsOfProblem } from '../../../gateway/contract/problem.ts';
import { faultNames, scenarios, switchTable } from '../../../simulator/index.ts';
import { codeIn, readPage, readPages, root, tableBelow } from '../../support/docs.ts';

const contract = readPage('docs/temporal-contract.md');
const operations = readPage('docs/operations.md');
const simulator = readPage('docs/simulator.md');

describe('docs/temporal-contract.md', () => {
  it('lists the failure types of domain/failure-type.ts', () => {
    expect(firstColumn(tableBelow(contract, 'Failure types')).slice(0, failureTypes.length)).toEqual([...failureTypes]);
  });

  it('lists the search attributes of domain/names.ts with their types', () => {
    const rows = tableBelow(contract, 'Search attributes').map(([name, type]) => [codeIn(name)[0], codeIn(type)[0]]);
    expect(Object.fromEntries(rows)).toEqual(searchAttributes);
  });

  it('lists every phase, every field of a request, and the workflow type', () => {
    const [, section = ''] = contract.text.split('\n## Phases\n');
    expect(phases.filter((phase) => !section.split('\n## ')[0]?.includes(`\`${phase}\``))).toEqual([]);
    expect(firstColumn(tableBelow(contract, 'Start'))).toEqual([...requestFields]);
    expect(contract.text).toContain(`\`${generationWorkflowType}\``);
  });

  it('lists every type with which a budget refuses an update', () => {
    const [, section = ''] = contract.text.split('\n## Budgets\n');
    const thrown = [...readAll('workflows/budget').matchAll(/refusal\(\s*'(\w+)'/g)].map(([, type]) => type);
    expect(thrown).toContain('ServiceUnavailable');
    const rows = section.split('\n## ')[0]?.match(/(?<=^\| `)[A-Z]\w+(?=` \|)/gm) ?? [];
    expect(rows.toSorted()).toEqual([...new Set(thrown)].toSorted());
  });
});

describe('docs/wire-contract.md', () => {
  const page = readPage('docs/wire-contract.md');
  const python = ['examples/python/main.py', 'examples/08-another-namespace/main.py'];

  it.each([
    ['Python', python],
    ['Go', ['examples/go/main.go']],
  ])('has for %s only calls that its examples make', (language, files) => {
    const solid = (text: string) => text.replaceAll(/\s/g, '');
    const source = solid(files.map((file) => readFileSync(path.join(root, file), 'utf8')).join('\n'));
    const [, section = ''] = page.text.split(`\n## ${language}\n`);
    const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => /^\| [a-z]/.test(line));
    expect(rows.length).toBeGreaterThan(9);
    const calls = rows.flatMap((row) => codeIn(row.split('|')[2]));
    const isMade = (call: string) => call.split('…').every((part) => source.includes(solid(part)));
    expect(calls.filter((call) => !isMade(call))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  const configuration = readAll('config');

  it('lists every variable that the product reads, as .env.example does', () => {
    const shapes = configuration.matchAll(/const (?:environment = z\.object\(|\w+Variables = )\{([\s\S]*?)\n\}/g);
    const read = [...shapes].flatMap(([shape]) => shape.match(/(?<=^ {2})(?:RUNCOMFY|TEMPORAL)_\w+(?=:)/gm) ?? []);
    expect(read).toContain('RUNCOMFY_GATEWAY_ADDRESS');
    const documented = tableBelow(operations, 'Environment').flatMap(([cell]) => codeIn(cell));
    expect(read.length).toBeGreaterThan(8);
    expect(read.filter((name) => !documented.includes(name))).toEqual([]);
    const example = readFileSync(path.join(root, '.env.example'), 'utf8');
    expect(documented.filter((name) => !example.includes(name))).toEqual([]);
  });

  it("and every other page name only variables that something here reads, or RunComfy's command line", () => {
    const known = configuration + readFileSync(path.join(root, '.env.example'), 'utf8');
    const named = readPages().flatMap(({ text }) => text.match(/\bRUNCOMFY_[A-Z_]+\b/g) ?? []);
    const isKnown = (name: string) => known.includes(name) || known.includes(name.replace(/_FILE$/, ''));
    const further = ['RUNCOMFY_TRAINER_API_BASE', 'RUNCOMFY_WEB_BASE'];
    expect([...new Set(named)].filter((name) => !isKnown(name)).toSorted()).toEqual(further);
    const clients = tableBelow(readPage('docs/gateway.md'), 'What a client of RunComfy sets');
    expect(clients.flatMap(([cell]) => codeIn(cell))).toEqual(expect.arrayContaining(further));
  });

  it('has for every setting of a worker the variable that sets it', () => {
    const rows = tableBelow(operations, 'Thousands of generations on one worker').map((row) => row.map(codeIn));
    const source = readFileSync(path.join(root, 'worker/worker-settings.ts'), 'utf8');
    expect(rows.length).toBeGreaterThan(3);
    for (const [[setting = ''] = [], [variable = ''] = []] of rows) {
      expect(configuration, setting).toContain(`${setting}: values.${variable}`);
      expect(source).toContain(setting);
    }
  });

  it('lists exactly the metrics that the product records', () => {
    const sources = readAll('workflows') + readAll('activities') + readAll('worker');
    const recorded = [...sources.matchAll(/create(?:Counter|Histogram|Gauge)\(\s*'(\w+)'/g)].map(([, name]) => name);
    expect(firstColumn(tableBelow(operations, 'Metrics')).sort()).toEqual([...new Set(recorded)].sort());
  });

  it('has in docs/gateway.md exactly the metrics of a gateway', () => {
    const made = [...readAll('gateway').matchAll(/name: '(runcomfy_gateway_\w+)'/g)].map(([, name]) => name);
    expect(firstColumn(tableBelow(readPage('docs/gateway.md'), 'Metrics')).sort()).toEqual(made.sort());
  });

  it('quotes only log messages that the product writes', () => {
    const sources = readAll('workflows') + readAll('activities') + readAll('worker');
    const quoted = tableBelow(operations, 'What to alert on').concat(alertRows());
    const messages = quoted.flatMap(([cell = '']) => (cell.startsWith('log ') ? codeIn(cell) : []));
    expect(messages.length).toBeGreaterThan(2);
    expect(messages.filter((message) => !sources.includes(message))).toEqual([]);
  });
});

describe('docs/http-api.md', () => {
  it('lists every problem that stands between a call and its answer, with its status', () => {
    const rows = tableBelow(readPage('docs/http-api.md'), 'Problems');
    const ofCalls = problemNames.slice(0, -failureTypes.length);
    expect(ofCalls).toContain('TooSlow');
    const told = (name: string) => rows.find(([, names]) => codeIn(names).includes(name))?.[0]?.split(', ') ?? [];
    expect(ofCalls.filter((name) => !told(name).includes(String(wordsOfProblem(name).status)))).toEqual([]);
  });
});

describe('docs/access.md', () => {
  it('shows a whole record of an API key', () => {
    const shown = readPage('docs/access.md').blocks.filter(({ language }) => language === 'json');
    const records = shown.map(({ code }) => keyRecord.safeParse(JSON.parse(code)));
    const whole = records.find(({ success }) => success)?.data;
    expect(Object.keys(whole ?? {}).toSorted()).toEqual(Object.keys(keyRecord.shape).toSorted());
  });
});

describe('docs/determinism.md', () => {
  it('lists exactly the patches of the workflows', () => {
    const asked = [...readAll('workflows').matchAll(/(?:\bpatched\(|Patch =)\s*'([a-z\d-]+)'/g)].map(
      ([, name]) => name,
    );
    expect(asked).toContain('every-decision-is-answered');
    const listed = tableBelow(readPage('docs/determinism.md'), 'Patches in use').flatMap(([cell = '']) => codeIn(cell));
    expect(listed.toSorted()).toEqual([...new Set(asked)].toSorted());
  });
});

describe('docs/simulator.md', () => {
  it('lists every fault with its steps, every scenario and every switch', () => {
    const faults = tableBelow(simulator, 'Faults').map(([name, steps]) => [codeIn(name)[0], steps]);
    expect(faults).toEqual(faultNames.map(({ name, steps }) => [name, steps.join(', ')]));
    expect(firstColumn(tableBelow(simulator, 'Scenarios'))).toEqual(scenarios.map(({ name }) => name));
    const switches = tableBelow(simulator, 'Switches').map(([name, normal, , known]) => [
      codeIn(name)[0],
      codeIn(normal)[0],
      known,
    ]);
    expect(switches).toEqual(
      Object.entries(switchTable).map(([name, { normal, confidence }]) => [name, JSON.stringify(normal), confidence]),
    );
  });

  it('lists every call of the control API', () => {
    const source = readFileSync(path.join(root, 'simulator/control/control-api.ts'), 'utf8');
    const calls = [...source.matchAll(/^ {4}'((?:GET|PUT|POST) [\w-]+)'/gm)].map(([, call]) => call);
    expect(
      tableBelow(simulator, 'Control API')
        .flatMap(([cell]) => codeIn(cell))
        .sort(),
    ).toEqual(calls.sort());
  });
});

function firstColumn(rows: string[][]): string[] {
  return rows.map(([cell]) => codeIn(cell)[0] ?? '');
}

/** Rows of the alert table that begin with words instead of code. */
function alertRows(): string[][] {
  return [...operations.text.matchAll(/^\| (log [^|]+)\|/gm)].map(([, cell = '']) => [cell]);
}

function readAll(folder: string): string {
  const names = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  const sources = names.filter((name) => name.endsWith('.ts'));
  return sources.map((name) => readFileSync(path.join(root, folder, name), 'utf8')).join('\n');
}
