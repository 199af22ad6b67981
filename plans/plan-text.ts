import { LineCounter, parseDocument } from 'yaml';
import type { InputIssue } from '../domain/generation.ts';
import { planLimits } from '../domain/pipeline.ts';

const maxAliases = 100;

export type ParsedPlanText = { ok: true; value: unknown } | { ok: false; issues: InputIssue[] };

/**
 * Reads a plan's text, YAML 1.2 or JSON (which is YAML). Warnings of the parser are problems too: a tag that it does not
 * know would silently change what is meant.
 */
export function parsePlanText(text: string): ParsedPlanText {
  const bytes = Buffer.byteLength(text);
  if (bytes > planLimits.bytes) {
    const message = `the plan has ${String(bytes)} bytes and may have ${String(planLimits.bytes)}`;
    return { ok: false, issues: [{ path: '$', message }] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, version: '1.2' });
  const issues = [...document.errors, ...document.warnings].map(({ message, pos }): InputIssue => {
    const { line, col } = lines.linePos(pos[0]);
    return { path: '$', message: `line ${String(line)}, column ${String(col)}: ${firstLine(message)}` };
  });
  if (issues.length > 0) return { ok: false, issues };
  try {
    return { ok: true, value: document.toJS({ maxAliasCount: maxAliases }) as unknown };
  } catch (error) {
    // The library's word for an alias bomb.
    const reason =
      error instanceof ReferenceError ? `more than ${String(maxAliases)} aliases` : firstLine(String(error));
    return { ok: false, issues: [{ path: '$', message: `the plan cannot be read: ${reason}` }] };
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
