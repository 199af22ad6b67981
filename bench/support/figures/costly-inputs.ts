/** The longest text that an order may have, minus room for the rest of the order. */
const mostChars = 2_080_000;

const many = <Value>(length: number, value: (index: number) => Value) => Array.from({ length }, (_, at) => value(at));
const fields = (count: number, value: string) => `{${many(count, (at) => `"f${String(at)}":${value}`).join()}}`;
const list = (count: number, value: string) => `[${many(count, () => value).join()}]`;
const names = (from: number, count: number) => many(count, (at) => `"f${String(from + at)}":1`);
/** Objects with the same names in different orders, so that an engine sees a new shape in each. */
const turned = (objects: number, count: number) =>
  many(objects, (at) => `{${[...names(at, count - at), ...names(0, at)].join()}}`);

/** JSON texts that are as costly to read as the limits allow; each is costly in a different way. */
export const costlyTexts: Readonly<Record<string, string>> = {
  '24,900 names': fields(24_900, '1'),
  '6,000 long names': fields(6_000, '1').replaceAll('"f', `"${'x'.repeat(58)}`),
  '99,900 numbers': `{"list":${list(99_900, '1')}}`,
  '99,900 long numbers': `{"list":${list(99_900, '1.2345678901234567')}}`,
  '49,900 empty objects': `{"list":${list(49_900, '{}')}}`,
  '49,900 objects of a name each': `{"list":${list(49_900, '{"a":1}')}}`,
  '24,900 objects, each of another name': `{"list":[${many(24_900, (at) => `{"f${String(at)}":1}`).join()}]}`,
  '500 stacks of 190 lists': `{"list":${list(500, '['.repeat(190) + ']'.repeat(190))}}`,
  '190 levels of 500 numbers': `{"list":${many(190, () => `[${'1,'.repeat(500)}`).join('')}1${']'.repeat(190)}}`,
  '2,000 names in 24 objects': `{"list":${list(24, fields(2_000, '1'))}}`,
  '12 objects of 2,000 other names': `{"list":[${many(12, (at) => `{${names(at * 2_000, 2_000).join()}}`).join()}]}`,
  '24 objects of 1,000 other names': `{"list":[${many(24, (at) => `{${names(at * 1_000, 1_000).join()}}`).join()}]}`,
  '190 objects of 130 other names': `{"list":[${many(190, (at) => `{${names(at * 130, 130).join()}}`).join()}]}`,
  '2,000 names in 24 orders': `{"list":[${turned(24, 2_000).join()}]}`,
  '1,000 names in 49 orders': `{"list":[${turned(49, 1_000).join()}]}`,
  '200 names in 190 orders': `{"list":[${turned(190, 200).join()}]}`,
  'a text of commas': `{"text":"${',[{:'.repeat(mostChars / 4 - 100)}"}`,
  'a text of escapes': `{"text":"${String.raw`\u00e9`.repeat(mostChars / 6 - 100)}"}`,
  'a text of letters beyond ASCII': `{"text":"${'\u{1f600}'.repeat(mostChars / 4 - 100)}"}`,
  '60,000 texts': `{"list":${list(60_000, `"${'y'.repeat(30)}"`)}}`,
  '60,000 addresses': `{"list":[${many(60_000, (at) => `"https://h/${String(at)}"`).join()}]}`,
};

/** A list of objects as items, each with one of the objects as its input. */
function asItems(text: string): string {
  const { list = [] } = JSON.parse(text) as { list?: unknown };
  const inputs = Array.isArray(list) ? list.filter((input) => typeof input === 'object').slice(0, 1_000) : [];
  return JSON.stringify(inputs.map((input, at) => ({ id: String(at), model: 'a/b', input: input as object })));
}

/** The places of a start's argument where a text can be put, including the whole argument. */
export const costlyPlaces: Readonly<Record<string, readonly ((text: string) => string)[]>> = {
  runcomfyGeneration: [
    (text) => text,
    (text) => `{"model":"a/b","input":${text}}`,
    (text) => `{"model":"a/b","input":{},"waiting":${text}}`,
    (text) => `{"model":"a/b","input":{},"webhook":${text}}`,
    (text) => `{"model":"a/b","input":{},"budgets":[${text}]}`,
  ],
  runcomfyPipeline: [
    (text) => text,
    (text) => `{"plan":${text}}`,
    (text) => `{"plan":{"version":1,"steps":{}},"params":${text}}`,
    (text) => `{"plan":{"version":1,"steps":{}},"waiting":${text}}`,
  ],
  runcomfyBatch: [
    (text) => text,
    (text) => `{"plan":${text},"items":[{"id":"1"}]}`,
    (text) => `{"defaults":${text},"items":[{"id":"1"}]}`,
    (text) => `{"defaults":{"input":${text}},"items":[{"id":"1"}]}`,
    (text) => `{"items":[{"id":"1","model":"a/b","input":${text}}]}`,
    (text) => `{"items":[${text}]}`,
    (text) => `{"items":${text.replace(/^\{"list":(.*)\}$/s, '$1')}}`,
    (text) => `{"items":${asItems(text)}}`,
    (text) => `{"plan":{},"items":[{"id":"1","params":${text}}]}`,
  ],
  runcomfyBudget: [(text) => text, (text) => `{"limitUsd":5,"period":${text}}`],
  runcomfyWebhook: [
    (text) => text,
    (text) =>
      `{"webhookId":"w","url":"https://a.example","secret":"s","body":{"type":"generation.failed","data":${text}}}`,
  ],
};
