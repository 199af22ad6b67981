import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { isModelId } from '../../domain/request.ts';
import { cutText } from '../../domain/text.ts';
import { catalogueFresh } from '../catalogue/catalogue-reads.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { answerTool, leftOut, leftOutAs, type McpContext } from './tool.ts';

const model = z.string().describe('A model id, such as kling/kling-3.0/standard/image-to-video');
const input = z.record(z.string(), z.unknown()).describe("The model's own flat JSON object; media by URL");
const annotations = { readOnlyHint: true, openWorldHint: true };

/** Adds the tools that read the catalogue: they cost nothing. */
export function addModelTools(server: McpServer, context: McpContext): void {
  const { readCatalogue } = context;
  const { catalogue } = context.parts;
  server.registerTool(
    'find_models',
    {
      description: 'Finds models by words or category, with what they make and cost.',
      inputSchema: z.object({
        search: leftOut(z.string().max(200)),
        category: leftOut(z.string().max(100)),
        limit: leftOutAs(z.int().min(1).max(20), 10),
      }),
      annotations,
    },
    ({ search, category, limit }) =>
      answerTool(context, async () => {
        const query = new URLSearchParams({
          ...withoutUndefined({ search, category }),
          limit: String(limit),
        }).toString();
        const found = await readJson(`models?${query}`, () => catalogue.models(query));
        const models =
          isJsonObject(found) && Array.isArray(found['models']) ? found['models'].filter(isJsonObject) : [];
        return { data: { models: models.slice(0, limit).map(briefOf) } };
      }),
  );
  server.registerTool(
    'describe_model',
    {
      description: "Tells a model's input fields, which of them are required, its limits and its price.",
      inputSchema: z.object({ model }),
      annotations,
    },
    (order) =>
      answerTool(context, async () => {
        const entry = await entryOf(order.model);
        const schema = entry['input_schema'];
        const required = isJsonObject(schema) ? schema['required'] : undefined;
        return { data: withoutUndefined({ ...briefOf(entry), required, input_schema: schema }) };
      }),
  );
  server.registerTool(
    'check_order',
    {
      description: 'Checks an input without ordering: every problem of it, and the price. Free.',
      inputSchema: z.object({ model, input }),
      annotations,
    },
    (order) =>
      answerTool(context, async () => {
        const report = isModelId(order.model) ? await catalogue.check(order.model, order.input) : 'unknown model';
        if (report === 'unknown model') throw unknownModel(order.model);
        const { issues, warnings } = report;
        const price = await catalogue.price(order.model, order.input).catch(() => ({ basis: 'unknown' }));
        return { data: { valid: issues.length === 0, issues, warnings, price } };
      }),
  );

  async function readJson(question: string, read: () => Promise<string | undefined>): Promise<unknown> {
    const reading = await readCatalogue(question, catalogueFresh, read);
    return reading === undefined ? undefined : JSON.parse(reading.text);
  }

  async function entryOf(id: string): Promise<Record<string, unknown>> {
    const entry = isModelId(id) ? await readJson(`model ${id}`, () => catalogue.model(id)) : undefined;
    if (isJsonObject(entry)) return entry;
    throw unknownModel(id);
  }
}

function unknownModel(id: string): RefusalError {
  return new RefusalError(
    'ModelUnknown',
    `RunComfy has no model ${JSON.stringify(cutText(id, 100))}: call find_models`,
  );
}

/** What an agent needs to choose a model. */
function briefOf(entry: Record<string, unknown>): Record<string, unknown> {
  const { model_id: id, display_name: name, description, categories } = entry;
  return withoutUndefined({ model: id, name, description, categories, price: priceOf(entry) });
}

function priceOf({ base_price_usd: usd, price_unit: unit, pricing_note: note }: Record<string, unknown>): object {
  return withoutUndefined({ usd, unit, note });
}
