import { type Document, isAlias, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { InputIssue } from '../domain/generation.ts';
import { boundIssues } from '../domain/issues.ts';
import { findExcess, isJsonObject } from '../domain/json.ts';
import { planLimits } from '../domain/pipeline/pipeline.ts';
import { messageOf } from '../domain/text.ts';

const maxAliases = 100;

export type ParsedPlanText = { ok: true; value: unknown } | { ok: false; issues: InputIssue[] };

/**
 * Parses a plan in YAML 1.2 or JSON (which is YAML). Warnings of the parser count as problems: an unknown tag, for
 * example, would silently change the meaning.
 */
export function parsePlanText(text: string): ParsedPlanText {
  const bytes = Buffer.byteLength(text);
  if (bytes > planLimits.bytes) {
    const message = `the plan has ${String(bytes)} bytes and may have ${String(planLimits.bytes)}`;
    return { ok: false, issues: [{ path: '$', message }] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    // A key that is a list or an object cannot be represented in JSON.
    stringKeys: true,
    version: '1.2',
  });
  const issues = [...document.errors, ...document.warnings].map(({ code, message, pos }): InputIssue => {
    const { line, col } = lines.linePos(pos[0]);
    const words = code === 'MULTIPLE_DOCS' ? 'a second document begins here, and there may be one' : firstLine(message);
    return { path: '$', message: `line ${String(line)}, column ${String(col)}: ${words}` };
  });
  issues.push(...findForeign(document, lines));
  if (issues.length > 0) return { ok: false, issues };
  try {
    // What aliases repeat is shared, so that it takes no memory; the library would count how often it is repeated.
    const value = document.toJS({ maxAliasCount: -1 }) as unknown;
    const tooLarge = findOversize(value);
    return tooLarge ? { ok: false, issues: [tooLarge] } : { ok: true, value };
  } catch (error) {
    return { ok: false, issues: [{ path: '$', message: firstLine(messageOf(error)) }] };
  }
}

/** What YAML has and plans have not: tags, by which a value is another one than it looks, older versions, and too many aliases. */
function findForeign(document: Document.Parsed, lines: LineCounter): InputIssue[] {
  const issues: InputIssue[] = [];
  const { explicit = false, version } = document.directives.yaml;
  if (explicit && version !== '1.2') issues.push({ path: '$', message: `expected YAML 1.2, got ${version}` });
  let aliases = 0;
  const refuse = ({ range }: Node, words: string) => {
    const { line, col } = lines.linePos(range?.[0] ?? 0);
    issues.push({ path: '$', message: `line ${String(line)}, column ${String(col)}: ${words}` });
  };
  visit(document, {
    Node: (_key, node) => {
      if (isAlias(node)) {
        aliases += 1;
        if (aliases === maxAliases + 1) refuse(node, `there are more than ${String(maxAliases)} aliases`);
      } else if (node.tag !== undefined) refuse(node, `tag ${node.tag} is not offered`);
    },
  });
  return boundIssues(issues);
}

/** Bounds what aliases repeat before anything is made of it: it may be very much, and long. */
function findOversize(value: unknown): InputIssue | undefined {
  let characters = 0;
  const excess = findExcess(value, { maxNodes: planLimits.values, maxLevels: planLimits.levels }, (each) => {
    const texts = typeof each === 'string' ? [each] : isJsonObject(each) ? Object.keys(each) : [];
    for (const { length } of texts) characters += length;
  });
  const refuse = (message: string) => ({ path: '$', message });
  if (excess === 'maxLevels') return refuse(`nested more than ${String(planLimits.levels)} levels deep`);
  if (excess === 'maxNodes') return refuse(`has more than ${String(planLimits.values)} values`);
  const limit = `more than ${String(planLimits.bytes)} characters, with what its aliases repeat`;
  return characters > planLimits.bytes ? refuse(`has ${limit}`) : undefined;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
