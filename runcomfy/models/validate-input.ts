import type { InputIssue } from '../../domain/generation.ts';
import { boundIssues } from '../../domain/issues.ts';
import { isJsonObject, jsonPath } from '../../domain/json.ts';
import { findUnsendable } from '../../domain/request.ts';
import type { CatalogueModel } from '../schemas/catalogue.ts';
import { findBundledModel, findProseRules } from './bundled.ts';
import { compileInputSchema, type InputReport } from './compile-input-schema.ts';
import { describeFound } from './describe.ts';
import { checkMedia, findMedia } from './media-rules.ts';
import type { SchemaNode } from './normalize-schema.ts';

/**
 * Checks an input against its model: by the bundled schema, else the catalogue's, and by the rules that stand only in
 * prose. Lists every problem by JSONPath. Without a schema, only the rules that hold for all models are checked.
 * `loopbackHost` is the host and port from which a RunComfy on this machine can also fetch media.
 */
export function validateInput(
  model: string,
  input: unknown,
  catalogue?: CatalogueModel,
  loopbackHost?: string,
): InputReport {
  if (!isJsonObject(input)) {
    const message = `expected a JSON object with the fields of the model, got ${describeFound(input)}`;
    return { issues: [{ path: '$', message }], warnings: [] };
  }
  const unsendable = findUnsendable(input);
  // An input that is too large or circular is not checked any further.
  if (unsendable[0]?.path === '$') return { issues: unsendable, warnings: [] };
  const bundled = findBundledModel(model);
  const schema = bundled?.inputSchema ?? catalogue?.inputSchema;
  const compiled = schema && compileInputSchema(schema);
  const media = [...findMedia(input, compiled?.node)];
  const report = compiled?.check(input) ?? { issues: [], warnings: [] };
  const blanks = compiled ? findBlanks(input, compiled.node) : [];
  return {
    issues: boundIssues(
      withoutRepeats([
        ...report.issues,
        // Only a warning for other models: how they treat a blank string is not known.
        ...(bundled ? blanks : []),
        ...unsendable,
        ...checkMedia(media, loopbackHost),
        ...((compiled && findProseRules(model)?.check(input, compiled.node, media)) ?? []),
      ]),
    ),
    warnings: [...report.warnings, ...(bundled ? [] : blanks.map(({ path, message }) => `${path}: ${message}`))],
  };
}

function findBlanks(input: Record<string, unknown>, node: SchemaNode): InputIssue[] {
  return (node.required ?? []).flatMap((key) => {
    const value = input[key];
    const isBlank = typeof value === 'string' && value.trim() === '';
    return isBlank ? [{ path: jsonPath('$', key), message: 'expected a string that is not blank' }] : [];
  });
}

/** Keeps only the first issue of each path. */
function withoutRepeats(issues: InputIssue[]): InputIssue[] {
  const paths = new Set<string>();
  return issues.filter(({ path }) => {
    if (paths.has(path)) return false;
    paths.add(path);
    return true;
  });
}
