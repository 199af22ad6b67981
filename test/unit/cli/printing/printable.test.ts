import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { fields, table } from '../../../../cli/printing/pretty.ts';
import { fitLine, oneLine, showControls } from '../../../../cli/printing/printable.ts';
import { createPrinter, type OutputFormat } from '../../../../cli/printing/printer.ts';
import { GenerationError } from '../../../../client/index.ts';

const evil = 'boom \u001B]0;owned\u0007\u001B[2J\u009B31m\r\u202Egnp';
/** What a terminal would obey; a line feed is how our own lines end. */
const obeyed = /(?!\n)[\p{Cc}\u202E]/u;

function printing(format: OutputFormat, isTTY = false) {
  const texts = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof texts) => {
    const made = Object.assign(new PassThrough(), { isTTY, columns: 40 });
    made.on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString();
    });
    return made;
  };
  const streams = { stdin: new PassThrough(), stdout: stream('stdout'), stderr: stream('stderr') };
  return { printer: createPrinter(streams, format), texts };
}

describe('what came from outside', () => {
  it('is shown, not obeyed, in answers, notes, failures and live progress', () => {
    const { printer, texts } = printing('pretty');
    printer.print({}, () => fields([['evidence', evil]]));
    printer.print({}, () => table(['KEY'], [[evil]]));
    printer.note(evil);
    printer.progress(evil, 'a');
    printer.fail(new GenerationError({ type: 'GenerationFailed', message: evil, key: evil }));
    printer.fail(new Error(evil));
    expect(texts.stdout + texts.stderr).not.toMatch(obeyed);
    expect(texts.stderr).toContain(String.raw`boom \u001b]0;owned\u0007\u001b[2J\u009b31m\u000d\u202egnp`);
  });

  it('is read along by a person where it is text on a terminal, nowhere else', () => {
    expect(printing('pretty', true).printer.isRead).toBe(true);
    expect(printing('pretty').printer.isRead).toBe(false);
    expect(printing('json', true).printer.isRead).toBe(false);
  });

  it('is escaped in JSON as well, and means the same when parsed', () => {
    const { printer, texts } = printing('json');
    printer.print({ evil }, () => '');
    expect(texts.stdout).not.toMatch(obeyed);
    expect(JSON.parse(texts.stdout)).toEqual({ evil });
  });

  it('cannot forge lines of ours', () => {
    const { printer, texts } = printing('pretty');
    printer.fail(new GenerationError({ type: 'GenerationFailed', message: 'x\nsaved /home/me/clip.mp4', key: 'k' }));
    expect(texts.stderr).toBe('GenerationFailed: x\\nsaved /home/me/clip.mp4\n');
    expect(fields([['model', 'a\nphase  succeeded']])).toBe('model  a\\nphase  succeeded');
  });

  it('keeps its letters, emoji and joiners', () => {
    const text = 'café 灯塔 👩‍👩‍👧 نور';
    expect(oneLine(text)).toBe(text);
  });
});

describe('live progress', () => {
  it('replaces its line on a terminal', () => {
    const { printer, texts } = printing('pretty', true);
    printer.progress('one', 'a');
    printer.progress('two', 'a');
    expect(texts.stderr).toBe('\r\u001B[2Kone\r\u001B[2Ktwo');
  });

  it('is plain lines, one for each change, on a dumb terminal', () => {
    vi.stubEnv('TERM', 'dumb');
    const { printer, texts } = printing('pretty', true);
    printer.progress('one', 'a');
    printer.progress('one again', 'a');
    printer.progress('two', 'b');
    printer.endProgress();
    expect(texts.stderr).toBe('one\ntwo\n');
  });
});

describe('fitLine', () => {
  it('never ends in half a character', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'é', '灯', '😀')), fc.nat(20), (characters, length) => {
        expect(fitLine(characters.join(''), length)).not.toMatch(/[\uD800-\uDBFF]$/);
      }),
    );
  });
});

it('showControls leaves nothing that a terminal obeys, whatever comes', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(0x2fff)), (codes) => {
      expect(showControls(String.fromCharCode(...codes))).not.toMatch(/(?![\t\n])\p{Cc}/u);
    }),
  );
});
