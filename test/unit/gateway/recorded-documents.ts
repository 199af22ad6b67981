import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isJsonObject } from '../../../domain/json.ts';
import type { WireDocument } from '../../../gateway/contract/wire-schemas.ts';
import { root } from '../../support/docs.ts';

/** A document that was on the wire when a history was recorded. */
export interface RecordedDocument {
  name: WireDocument;
  /** File and number of the event. */
  where: string;
  document: unknown;
}

interface Payloads {
  payloads?: { data?: string }[];
}

interface Failure {
  cause?: Failure;
  applicationFailureInfo?: { type?: string; details?: Payloads };
}

/** As far as it is read here. */
interface EventAttributes {
  workflowType?: { name?: string };
  input?: Payloads;
  result?: Payloads;
  failure?: Failure;
}

/** The events that tell what a workflow, or a child of it, was started with and what it came to. */
const kinds = [
  'workflowExecutionStarted',
  'workflowExecutionCompleted',
  'workflowExecutionFailed',
  'workflowExecutionContinuedAsNew',
  'startChildWorkflowExecutionInitiated',
  'childWorkflowExecutionCompleted',
  'childWorkflowExecutionFailed',
];

const folder = path.join(root, 'test/histories');

/** Every document of a generation in the recorded histories: of its own, and of those that start one as a child. */
export function recordedDocuments(): RecordedDocument[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
  return files.flatMap((file) => {
    const { events } = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as {
      events: ({ eventId: string } & Record<string, unknown>)[];
    };
    let own: string | undefined;
    return events.flatMap((event) => {
      const [kind, attributes] = attributesOf(event);
      if (kind === 'workflowExecutionStarted') own = attributes.workflowType?.name;
      if (!kinds.includes(kind)) return [];
      const workflowType = attributes.workflowType?.name ?? own;
      const where = `${file}, event ${event.eventId}`;
      return documentsIn(workflowType, attributes).map((found) => ({ ...found, where }));
    });
  });
}

function attributesOf(event: Record<string, unknown>): [kind: string, attributes: EventAttributes] {
  const suffix = 'EventAttributes';
  const field = Object.keys(event).find((name) => name.endsWith(suffix)) ?? suffix;
  const attributes = event[field];
  return [field.slice(0, -suffix.length), isJsonObject(attributes) ? attributes : {}];
}

function documentsIn(
  workflowType: string | undefined,
  { input, result, failure }: EventAttributes,
): Omit<RecordedDocument, 'where'>[] {
  const [first, second] = valuesOf(input);
  if (workflowType === 'runcomfyWebhook') {
    return isJsonObject(first) ? [{ name: 'webhook-event', document: first['body'] }] : [];
  }
  if (workflowType !== 'runcomfyGeneration') return [];
  const [returned] = valuesOf(result);
  const [details] = detailsOf(failure);
  return [
    ...(first === undefined ? [] : [{ name: 'generation-request' as const, document: first }]),
    ...(isJsonObject(second) ? [{ name: 'state' as const, document: second['state'] }] : []),
    ...(returned === undefined ? [] : [{ name: 'result' as const, document: returned }]),
    ...(details === undefined ? [] : [{ name: 'failure-details' as const, document: details }]),
  ];
}

function detailsOf(failure: Failure | undefined): unknown[] {
  if (failure === undefined) return [];
  const own = valuesOf(failure.applicationFailureInfo?.details);
  return own.length > 0 ? own : detailsOf(failure.cause);
}

function valuesOf(payloads: Payloads | undefined): unknown[] {
  // One without data is `undefined`: nothing that was said.
  const texts = (payloads?.payloads ?? []).map(({ data = '' }) => Buffer.from(data, 'base64').toString());
  return texts.map((text) => (text === '' ? undefined : (JSON.parse(text) as unknown)));
}
