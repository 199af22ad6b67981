import { stateDirOf } from '../../config/env.ts';
import { checkGateway } from '../checks/gateway-check.ts';
import {
  checkSearchAttributes,
  checkTemporal,
  checkToken,
  checkWalls,
  failedFinding,
  type Finding,
} from '../checks/health-checks.ts';
import { checkNexus } from '../checks/nexus-check.ts';
import { checkProxies } from '../checks/proxy-check.ts';
import { checkSpool } from '../checks/spool-check.ts';
import { checkBudgets, checkSchedules } from '../checks/supply-check.ts';
import { checkGenerations, checkSubmits, checkWorkers } from '../checks/worker-check.ts';
import type { CommandContext, ConnectedGenerations } from '../command-context.ts';
import { defineCommand } from '../define-command.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { table } from '../printing/pretty.ts';

/**
 * A person is waiting, so everything is reported within 15 s, whatever hangs. Calls to RunComfy have shorter limits of
 * their own.
 */
const answerWithinMs = 12_000;

/** Exit codes by severity: the most severe finding decides. */
const bySeverity: ExitCode[] = [
  exitCodes.configuration,
  exitCodes.internal,
  exitCodes.notAuthorised,
  exitCodes.unavailable,
  exitCodes.tryLater,
];

/** `doctor`: checks that everything a generation needs is there. */
export const addDoctor = defineCommand<{ fix?: boolean }>({
  signature: 'doctor',
  summary:
    'Check configuration, Temporal, search attributes, workers, budgets, schedules, gateway, token and request ids not handed over; says how to fix what is wrong.',
  examples: [
    'runcomfy-temporal doctor',
    'runcomfy-temporal doctor --fix   # creates the search attributes where the server lets it',
  ],
  set: (command) => command.option('--fix', 'create missing search attributes'),
  act: async (context, _args, { fix = false }) => {
    const findings = await examine(context, fix);
    const codes = findings.flatMap(({ status, exitCode }) => (status === 'failed' ? [exitCode] : []));
    const [worst = codes[0] ?? exitCodes.done] = bySeverity.filter((code) => codes.includes(code));
    context.printer.print({ ok: codes.length === 0, checks: findings }, () => prettyFindings(findings));
    return worst;
  },
});

async function examine({ config, withTemporal }: CommandContext, shouldFix: boolean): Promise<Finding[]> {
  const settings = await attempt('configuration', () => Promise.resolve(config()));
  if ('check' in settings) return [settings];
  const { taskQueue, modelApiBase } = settings;
  const giveUpAt = Date.now() + answerWithinMs;
  const examineTemporal = (connected: ConnectedGenerations) =>
    Promise.all([
      attempt('temporal', () => checkTemporal(connected)),
      attempt('search attributes', () => checkSearchAttributes(connected, shouldFix)),
      attempt('workers', () => checkWorkers(connected, taskQueue)),
      attempt('generations', () => checkGenerations(connected, taskQueue)),
      attempt('submits', () => checkSubmits(connected, taskQueue)),
      attempt('orders', () => checkWalls(connected)),
      attempt('budgets', () => checkBudgets(connected)),
      attempt('schedules', () => checkSchedules(connected)),
      attempt('nexus', () => checkNexus(connected, settings)),
      attempt('spool', () => checkSpool(stateDirOf(settings), connected)),
    ]);
  const [temporal, proxies, gateway, token] = await Promise.all([
    attempt('temporal', () =>
      withTemporal((connected) => connected.client.withDeadline(giveUpAt, () => examineTemporal(connected)), {
        isImpatient: true,
      }),
    ),
    attempt('proxies', () => checkProxies(settings)),
    attempt('gateway', () => checkGateway(settings)),
    attempt('token', () => checkToken(settings)),
  ]);
  return [
    { check: 'configuration', status: 'ok', message: `task queue "${taskQueue}", ${modelApiBase}` },
    ...[temporal].flat(3),
    ...[proxies, gateway].flat(),
    token,
    ...(Array.isArray(temporal) ? [] : [await attempt('spool', () => checkSpool(stateDirOf(settings)))]),
  ];
}

async function attempt<T>(check: string, run: () => Promise<T>): Promise<T | Finding> {
  try {
    return await run();
  } catch (error) {
    return failedFinding(check, error);
  }
}

function prettyFindings(findings: Finding[]): string {
  const rows = findings.map(({ status, check, message }) => [status, check, message]);
  const fixes = findings.flatMap(({ check, fix }) => (fix === undefined ? [] : [`${check}: ${fix}`]));
  return [table(['STATUS', 'CHECK', 'FOUND'], rows), ...(fixes.length > 0 ? ['', 'What to do:', ...fixes] : [])].join(
    '\n',
  );
}
