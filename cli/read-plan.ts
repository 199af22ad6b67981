import { issuesSentence } from '../domain/issues.ts';
import { parsePlan } from '../plans/parse-plan.ts';
import { parsePlanText } from '../plans/plan-text.ts';
import { CliError } from './cli-error.ts';
import { readText, type StandardInput } from './read-text.ts';

/** Reads a YAML or JSON document; `-` means standard input. `what`: its name in errors. */
export async function readDocument(file: string, what: string, standardInput: StandardInput): Promise<unknown> {
  const parsed = parsePlanText(await readText(file, what, standardInput));
  if (parsed.ok) return parsed.value;
  throw new CliError('InvalidInput', `${what} cannot be read: ${issuesSentence(parsed.issues)}`, {
    issues: parsed.issues,
  });
}

/** Reads a plan and checks its shape. Whether it is valid with its params is checked elsewhere. */
export async function readPlan(file: string, standardInput: StandardInput): Promise<object> {
  const value = await readDocument(file, 'the plan', standardInput);
  const { issues } = { issues: [], ...parsePlan(value) };
  if (issues.length === 0) return value as object;
  throw new CliError('InvalidInput', `the plan is not valid: ${issuesSentence(issues)}`, { issues });
}
