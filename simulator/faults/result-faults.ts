import { inputUrlsOf } from '../../domain/request.ts';
import { notReady } from '../api/errors.ts';
import { outputUrls } from '../api/output.ts';
import { errorOf, readResult, unfinishedReply } from '../api/result.ts';
import type { Switches } from '../settings/switches.ts';
import { isFinished, type Job } from '../world/job.ts';
import { type Fault, type FaultContext, jobOf, reply, withJson } from './fault.ts';

interface Success {
  readonly kind: Job['kind'];
  readonly urls: readonly string[];
  readonly inputUrls: readonly string[];
  readonly output: Record<string, unknown>;
}

function isOver(context: FaultContext): boolean {
  const job = jobOf(context);
  if (job === undefined) return false;
  context.proceed();
  return isFinished(job);
}

function hasOutput(context: FaultContext): boolean {
  const job = jobOf(context);
  if (job === undefined) return false;
  context.proceed();
  return job.state === 'succeeded';
}

/** A success with another `output`; undefined removes the key. */
function output(
  name: string,
  sentence: string,
  make: (success: Success, context: FaultContext) => unknown,
  group = 6,
): Fault {
  return {
    name,
    group,
    steps: ['result'],
    sentence,
    applies: hasOutput,
    isInReplyAlone: true,
    act: (context) => {
      const { call, world } = context;
      const honest = context.proceed();
      if (call.job === undefined) return reply(honest);
      const { kind, input } = call.job;
      const urls = outputUrls(world, call, call.job);
      return reply(
        withJson(honest, (json) => {
          const success = {
            kind,
            urls,
            inputUrls: inputUrlsOf(input),
            output: json['output'] as Record<string, unknown>,
          };
          return { ...json, output: make(success, context) };
        }),
      );
    },
  };
}

/** Turns a success that nobody has seen yet into a failure. The charge is refunded unless a switch keeps it. */
function failed(
  name: string,
  sentence: string,
  { shape, httpStatus = 200 }: { shape?: Switches['error_shape']; httpStatus?: number } = {},
): Fault {
  return {
    name,
    group: 6,
    steps: ['result'],
    sentence,
    applies: (context) => {
      const job = jobOf(context);
      const isOtherShape = shape !== undefined && shape !== context.world.settings.switches.error_shape;
      if (job?.state === 'failed') return httpStatus !== 200 || isOtherShape;
      return job?.state === 'succeeded' && job.hasShownSuccess !== true;
    },
    act: ({ rule, call, world }) => {
      const reason = rule.word ?? 'The generation failed.';
      if (call.job !== undefined) world.fail(call.job, reason);
      const error = errorOf(call.job?.failure ?? reason, shape ?? world.settings.switches.error_shape);
      // `proceed` may have cached the reply from when the job was still a success, if another rule let this call pass.
      const honest = withJson(readResult(world, call), (json) => ({ ...json, error }));
      return reply(httpStatus === 200 ? honest : { ...honest, status: rule.httpStatus ?? httpStatus });
    },
  };
}

function inFolder(url: string, folder: string): string {
  const slash = url.lastIndexOf('/');
  return `${url.slice(0, slash)}/${folder}${url.slice(slash + 1)}`;
}

/** Faults in what a result read says. */
export const resultFaults: readonly Fault[] = [
  failed('result-failed', 'The status says that the work is over, the result that it failed (`word` is the reason).'),
  failed('error-object', 'A failure whose `error` is an object.', { shape: 'object' }),
  failed('error-array', 'A failure whose `error` is a list.', { shape: 'array' }),
  failed('failed-as-error', 'A failure that comes with an HTTP error, `httpStatus` (422 unless given).', {
    httpStatus: 422,
  }),
  {
    name: 'result-lags',
    group: 6,
    steps: ['result'],
    sentence: 'The work is over, but the result still says `in_progress`.',
    applies: isOver,
    act: ({ call, proceed }) => reply(call.job === undefined ? proceed() : unfinishedReply(call.job, 'in_progress')),
  },
  {
    name: 'not-ready-400005',
    group: 6,
    steps: ['result'],
    sentence: 'The work is over, but the result answers 400 with 400005.',
    applies: isOver,
    act: ({ world }) => reply(notReady(world.settings.switches)),
  },
  output('no-output', 'A success without `output`.', () => undefined),
  output('empty-lists', 'A success whose output lists are empty.', () => ({ images: [], videos: [], audios: [] })),
  output('singular-only', 'The file stands under the singular key alone.', ({ kind, urls }) => ({ [kind]: urls[0] })),
  output('plural-only', 'The file stands under the plural key alone.', ({ kind, urls }) => ({ [`${kind}s`]: urls })),
  output('both', 'The file stands under both keys.', ({ kind, urls }) => ({ [kind]: urls[0], [`${kind}s`]: urls })),
  output('duplicates', 'The plural key repeats the file.', ({ kind, urls }) => ({ [`${kind}s`]: [...urls, ...urls] })),
  output('bare-string', '`output` is the URL itself.', ({ urls }) => urls[0]),
  output('bare-array', '`output` is a list of URLs.', ({ urls }) => urls),
  output('object-array', '`output` is a list of `{ url }`.', ({ urls }) => urls.map((url) => ({ url }))),
  output('nested', 'The output object is wrapped in another.', (success) => ({ result: success.output })),
  output('echoed-input-as-output', 'URLs of the input stand in the output, under keys of outputs.', (success) => ({
    ...success.output,
    images: [...success.inputUrls, ...(success.kind === 'image' ? success.urls : [])],
    input: success.inputUrls,
  })),
  output(
    'untrusted-url',
    'The files lie on another host (`location`; else http://files.invalid).',
    ({ kind, urls, output: honest }, { rule }) => {
      const elsewhere = rule.location ?? 'http://files.invalid';
      if (urls.every((url) => url.startsWith(`${elsewhere}/`))) return honest;
      return { [`${kind}s`]: urls.map((url) => url.replace(new URL(url).origin, elsewhere)) };
    },
    9,
  ),
  output(
    'traversal-names',
    'The names of the files lead out of their folder.',
    ({ kind, urls }) => ({ [`${kind}s`]: urls.map((url) => inFolder(url, '..%2F..%2F')) }),
    9,
  ),
  output(
    'same-names',
    'Files in different folders have the same name.',
    ({ kind, urls }) => ({ [`${kind}s`]: urls.flatMap((url) => [inFolder(url, 'a/'), inFolder(url, 'b/')]) }),
    9,
  ),
  {
    name: 'cost-late',
    group: 6,
    steps: ['result'],
    sentence: 'The result lacks `cost`.',
    applies: hasOutput,
    isInReplyAlone: true,
    act: ({ proceed }) => reply(withJson(proceed(), ({ cost: _none, ...json }) => json)),
  },
  {
    name: 'other-model-id',
    group: 6,
    steps: ['result'],
    sentence: 'The result names another model (`word`; else somebody/else).',
    applies: hasOutput,
    isInReplyAlone: true,
    act: ({ rule, proceed }) =>
      reply(withJson(proceed(), (json) => ({ ...json, model_id: rule.word ?? 'somebody/else' }))),
  },
];
