import { stat } from 'node:fs/promises';
import { createSearchAttributes, findWaitingAtWall, inspectSearchAttributes } from '../../client/operator/index.ts';
import type { Config } from '../../config/env.ts';
import { searchAttributes } from '../../domain/names.ts';
import type { ConnectedGenerations } from '../command-context.ts';
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { toErrorReport } from '../printing/error-report.ts';
import { wallWants } from '../printing/pretty-state.ts';
import { shellQuote } from '../shell-quote.ts';
import { withRunComfy } from '../with-runcomfy.ts';

/** The uid in the Dockerfile. */
const imageUser = 1000;

/** What a check found, and how to fix it. */
export interface Finding {
  check: string;
  status: 'ok' | 'warning' | 'failed';
  message: string;
  fix?: string;
  /** The exit code for this failure. */
  exitCode?: ExitCode;
}

/** Turns the failure of a check into a finding. */
export function failedFinding(check: string, error: unknown): Finding {
  const { type, message } = toErrorReport(error);
  return { check, status: 'failed', message, exitCode: type === 'Internal' ? exitCodes.internal : exitCodeOf(type) };
}

/** Checks that the namespace exists and can be read, which an open port does not prove. */
export async function checkTemporal({ client, address }: ConnectedGenerations): Promise<Finding> {
  const { namespace } = client.options;
  const { config } = await client.workflowService.describeNamespace({ namespace });
  const days = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 86_400;
  const message = `namespace ${namespace} at ${address} answers; ended generations are kept for ${String(Math.round(days * 10) / 10)} days`;
  if (days >= 7) return { check: 'temporal', status: 'ok', message };
  const fix = `a key protects against a second bill only as long as its run is kept: \`temporal operator namespace update --retention 30d ${shellQuote(namespace)}\``;
  return { check: 'temporal', status: 'warning', message, fix };
}

/** Checks the search attributes, which are optional. With `shouldFix`, creates the missing ones. */
export async function checkSearchAttributes({ client }: ConnectedGenerations, shouldFix: boolean): Promise<Finding> {
  const check = 'search attributes';
  const { missing, mistyped } = await inspectSearchAttributes(client);
  if (mistyped.length > 0) {
    const expected = mistyped.map((name) => `${name} (${searchAttributes[name]})`).join(', ');
    const fix =
      'remove them with `temporal operator search-attribute remove`, then run `runcomfy-temporal doctor --fix`';
    return { check, status: 'warning', message: `of another type than expected: ${expected}`, fix };
  }
  if (missing.length === 0) return { check, status: 'ok', message: 'all are there' };
  if (shouldFix) {
    const refused = await createSearchAttributes(client, missing);
    const created = missing.filter((name) => refused.every((each) => each.name !== name));
    const done =
      created.length === 0 ? 'created none' : `created ${created.join(', ')}; workers notice within a minute`;
    if (refused.length === 0) return { check, status: 'ok', message: done };
    const reasons = refused.map(({ name, reason }) => `${name} (${reason})`).join(', ');
    const fix = `generations run without them; where the database has no room for more of a type, \`temporal operator search-attribute remove\` of one that nobody uses makes some`;
    return { check, status: 'warning', message: `${done}; cannot be had: ${reasons}`, fix };
  }
  const flags = missing.map((name) => `--name ${name} --type ${searchAttributes[name]}`).join(' ');
  const fix = `\`runcomfy-temporal doctor --fix\`, or \`temporal operator search-attribute create --namespace ${shellQuote(client.options.namespace)} ${flags}\``;
  return {
    check,
    status: 'warning',
    message: `missing: ${missing.join(', ')}; generations run, but cannot be listed by model or phase`,
    fix,
  };
}

const wallFixes = {
  InsufficientBalance: 'top up the wallet at RunComfy',
  Unauthenticated: 'give the workers a valid token',
  BudgetExceeded: 'raise the limit with `runcomfy-temporal budget set`, or wait for its next period',
} as const;

/** Reports orders that wait at a wall, as their callers asked. Nothing else is wrong with them. */
export async function checkWalls({ client }: ConnectedGenerations): Promise<Finding> {
  const check = 'orders';
  const waiting = await findWaitingAtWall(client);
  const [first] = waiting;
  if (first === undefined)
    return { check, status: 'ok', message: 'none waits for a filled wallet, a valid token or room in a budget' };
  const { type, since, message } = first.wall;
  const more = waiting.length > 1 ? ` and ${String(waiting.length - 1)} more` : '';
  return {
    check,
    status: 'warning',
    message: `generation ${first.key}${more} waits for ${wallWants[type]} since ${since}: ${message}`,
    fix: `${wallFixes[type]}; they go on within five minutes`,
  };
}

/** Checks that the token is valid, by reading the balance. */
export async function checkToken(config: Config): Promise<Finding> {
  const check = 'token';
  if (!config.hasToken) {
    const message = 'no token is set here; only workers and the commands models, model and balance need one';
    return {
      check,
      status: 'warning',
      message,
      fix: 'set RUNCOMFY_API_TOKEN, or RUNCOMFY_API_TOKEN_FILE to the path of a file that holds it',
    };
  }
  return withRunComfy(config, async (runcomfy) => {
    if (config.serverlessApiBase === undefined) {
      await runcomfy.listModels({ limit: 1 });
      return checkTokenFile(config, { check, status: 'ok', message: `${config.modelApiBase} takes the token` });
    }
    const { usd } = await runcomfy.balance();
    const message = `RunComfy takes the token; balance $${usd.toFixed(2)}`;
    if (usd > 0) return checkTokenFile(config, { check, status: 'ok', message });
    return { check, status: 'failed', message, fix: 'top up the wallet at RunComfy', exitCode: exitCodes.unavailable };
  });
}

/** Warns if the token file can be read by this user but not by the image's user. */
async function checkTokenFile({ token }: Config, finding: Finding): Promise<Finding> {
  const { file } = token ?? {};
  if (file === undefined || process.platform !== 'linux' || (await isReadableBy(imageUser, file))) return finding;
  const message = `${finding.message}; the image's user, ${String(imageUser)}, may not read ${file}`;
  return {
    ...finding,
    status: 'warning',
    message,
    fix: `where a container reads it: \`chown ${String(imageUser)} ${shellQuote(file)}\``,
  };
}

async function isReadableBy(user: number, file: string): Promise<boolean> {
  const { uid, gid, mode } = await stat(file);
  if (uid === user) return (mode & 0o400) !== 0;
  return (mode & (gid === user ? 0o040 : 0o004)) !== 0;
}
