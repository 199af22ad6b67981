const numbersOfPython = /^(?:NaN|-?Infinity)/;

/** Parses JSON. Also accepts `NaN` and `Infinity`, which Python writes, and reads them as null. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const plain = withoutPythonNumbers(text);
    if (plain === undefined) throw error;
    return JSON.parse(plain);
  }
}

function withoutPythonNumbers(text: string): string | undefined {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      at = endOfString(text, at);
    } else if (character === 'N' || character === 'I' || character === '-') {
      const found = numbersOfPython.exec(text.slice(at, at + 10))?.[0];
      if (found === undefined) continue;
      parts.push(text.slice(from, at), 'null');
      from = at + found.length;
      at = from - 1;
    }
  }
  return from === 0 ? undefined : [...parts, text.slice(from)].join('');
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
