import type { Command } from 'commander';
import type { Config } from '../../../config/env.ts';
import type { InputIssue } from '../../../domain/generation.ts';
import { issuesSentence } from '../../../domain/issues.ts';
import { isJsonObject } from '../../../domain/json.ts';
import { type CheckedPlan, checkPlan } from '../../../plans/check-plan.ts';
import { parsePlan } from '../../../plans/parse-plan.ts';
import { weighOrders } from '../../../plans/weigh-orders.ts';
import { catalogueOf } from '../../catalogue.ts';
import { CliError } from '../../cli-error.ts';
import { parsePositive } from '../../options/option-parsers.ts';
import { readDocument } from '../../read-plan.ts';
import type { StandardInput } from '../../read-text.ts';

export interface PlanFlags {
  param?: string[];
  paramsFile?: string;
  maxCost?: number;
  budget?: string[];
}

export interface CheckedPlanFile {
  /** The plan as in the file. */
  plan: object;
  /** The params as given. */
  params: Record<string, unknown>;
  checked: CheckedPlan;
  warnings: string[];
  balanceUsd: number | undefined;
  /** Problems with its prices that are not yet a reason to refuse it. */
  excess: InputIssue[];
}

/** Adds the options for a plan's params. */
export function addPlanOptions(command: Command): void {
  command
    .option(
      '--param <name=value>',
      "a param of the plan, read by the param's type; can be repeated",
      (text: string, others: string[] | undefined) => [...(others ?? []), text],
    )
    .option('--params-file <file>', 'params as YAML or JSON in a file, - for standard input')
    .option('--max-cost <usd>', 'refuse a plan whose known price is above this, or cannot be known', parsePositive);
}

/**
 * Reads and checks a plan and its params. Throws with all problems at once, including those of its prices unless
 * `mayBePaid`.
 */
export async function checkPlanFile(
  file: string,
  { param = [], paramsFile, maxCost, budget }: PlanFlags,
  { config, mayBePaid = false, ...standardInput }: StandardInput & { config: () => Config; mayBePaid?: boolean },
): Promise<CheckedPlanFile> {
  if (file === '-' && paramsFile === '-') {
    throw new CliError('Usage', 'standard input can be the plan or the params, not both');
  }
  const value = await readDocument(file, 'the plan', standardInput);
  const params = {
    ...(paramsFile === undefined ? {} : await readParams(paramsFile, standardInput)),
    ...Object.fromEntries(param.map((text) => readParam(text, value))),
  };
  const limits = { maxCostUsd: maxCost, needsPrices: budget !== undefined };
  return catalogueOf(config, async ({ lookup, balanceUsd }) => {
    const options = { ...lookup, params };
    const { issues, warnings, checked } = await checkPlan(value, mayBePaid ? options : { ...options, ...limits });
    if (checked === undefined)
      throw new CliError('InvalidInput', `the plan is not valid: ${issuesSentence(issues)}`, { issues });
    const excess = weighOrders(checked.orders, limits);
    return { plan: value as object, params, checked, warnings, balanceUsd: await balanceUsd(), excess };
  });
}

async function readParams(file: string, standardInput: StandardInput): Promise<Record<string, unknown>> {
  const value = await readDocument(file, 'the params', standardInput);
  if (isJsonObject(value)) return value;
  throw new CliError('InvalidInput', `the params in ${file} are no object: expected { name: value }`);
}

/** Parses one `--param`. Text params are taken verbatim, others are parsed as JSON if possible. */
function readParam(text: string, plan: unknown): [string, unknown] {
  const at = text.indexOf('=');
  if (at < 1) throw new CliError('Usage', `--param ${JSON.stringify(text)}: expected name=value`);
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  const read = parsePlan(plan);
  const type = read.ok ? read.plan.params[name]?.type : undefined;
  if (type === undefined || ['string', 'image', 'video', 'audio'].includes(type)) return [name, value];
  try {
    return [name, JSON.parse(value) as unknown];
  } catch {
    return [name, value];
  }
}
