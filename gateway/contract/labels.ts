import { z } from 'zod';
import { findLabelIssues } from '../../domain/label-issues.ts';
import { labelBounds } from '../../domain/labels.ts';

/** The labels of an order, as the library takes them. */
export const labels = z.exactOptional(
  z
    .record(z.string(), z.string())
    .superRefine((given, context) => {
      for (const { path, message } of findLabelIssues(given)) {
        const [, name] = /^label\.(.*)$/s.exec(path) ?? [];
        context.addIssue({ code: 'custom', path: name === undefined ? [] : [name], message });
      }
    })
    .meta({
      description: `What it is for: up to ${String(labelBounds.labels)} names and values, which all that it leads to carries as well`,
      examples: [{ campaign: 'autumn' }],
    }),
);
