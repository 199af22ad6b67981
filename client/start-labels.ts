import type { Client } from '@temporalio/client';
import { issuesSentence } from '../domain/issues.ts';
import { isSameJson } from '../domain/json.ts';
import { findLabelIssues } from '../domain/label-issues.ts';
import { labelMemo, type Labels, labelsIn, labelsMemoKey } from '../domain/labels.ts';
import { decodePayload } from './decode-payload.ts';
import { GenerationError } from './errors.ts';
import type { RunInfo } from './generation/run-info.ts';

/** The labels of an order. */
export interface StartLabels {
  /**
   * Up to 10 names and values, inherited by everything that the order starts; lists and costs can be filtered by them.
   * Names have 1 to 40 letters, digits, `_`, `.`, `-`; values 1 to 120 bytes.
   */
  labels?: Labels | undefined;
}

/** The memo that carries the labels; throws `InvalidInput` with every problem of them. */
export function toLabelMemo({ labels }: StartLabels, key: string): { memo?: Record<string, unknown> } {
  if (labels === undefined) return {};
  const issues = findLabelIssues(labels);
  if (issues.length > 0) {
    const message = `nothing was sent, the labels are not valid: ${issuesSentence(issues)}`;
    throw new GenerationError({ type: 'InvalidInput', message, key, submission: 'not_sent', issues });
  }
  const memo = labelMemo(labels);
  return Object.keys(memo).length === 0 ? {} : { memo };
}

/** The labels of a run, from its search attribute or else from its memo; empty if the memo cannot be decoded here. */
export async function readLabels(client: Client, { key, labelWords, memo }: RunInfo): Promise<Labels | undefined> {
  if (labelWords !== undefined) return labelsOfWords(labelWords);
  const payload = memo?.[labelsMemoKey];
  return payload && labelsIn({ [labelsMemoKey]: await decodePayload(client, payload, { workflowId: key }) });
}

/**
 * A notice for a call that attaches with other labels than the run was started with, since those of the call have no
 * effect.
 */
export async function labelNotices(client: Client, run: RunInfo, labels: Labels | undefined): Promise<string[]> {
  if (labels === undefined) return [];
  const known = await readLabels(client, run);
  const isUnreadable = known === undefined && run.memo?.[labelsMemoKey] !== undefined;
  if (isUnreadable || isSameJson(known ?? {}, labels)) return [];
  return [`attached to "${run.key}" with the labels that it was started with: those of this call had no effect`];
}

/** Parses the words of the search attribute, `name=value`, into labels. */
function labelsOfWords(words: readonly string[]): Labels {
  return Object.fromEntries(
    words.flatMap((word) => {
      const at = word.indexOf('=');
      return at < 1 ? [] : [[word.slice(0, at), word.slice(at + 1)]];
    }),
  );
}
