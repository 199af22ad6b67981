import { LineCounter, parseDocument } from 'yaml';
import type { InputIssue } from '../domain/generation.ts';
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
  if (issues.length > 0) return { ok: false, issues };
  try {
    return { ok: true, value: document.toJS({ maxAliasCount: maxAliases }) as unknown };
  } catch (error) {
    return { ok: false, issues: [{ path: '$', message: aliasWords(error) }] };
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}

/** The library throws the same error class for too many aliases and for an alias without an anchor. */
function aliasWords(error: unknown): string {
  const words = firstLine(messageOf(error));
  return /excessive alias count/i.test(words) ? `there are more than ${String(maxAliases)} aliases` : words;
}
