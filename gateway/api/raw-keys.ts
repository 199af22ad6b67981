import type { IncomingMessage } from 'node:http';

/** Reads paths whose keys and models stand there as people write them: `order/1` for the one segment `order%2F1`. */
export interface RawKeys {
  /** To be told every route. */
  learn: (url: string) => void;
  /** The path that is meant. */
  toPath: (request: Pick<IncomingMessage, 'method' | 'url'>) => string;
}

/** Takes for the key all between what is listed and the words that a route has behind it. */
export function createRawKeys(): RawKeys {
  const endsOf = new Map<string, Map<string, RegExp>>();

  const pathMeant = (path: string, isRead: boolean): string | undefined => {
    const [base, ends] = [...endsOf].find(([one]) => path.startsWith(one)) ?? [];
    if (base === undefined || ends === undefined) return undefined;
    const rest = path.slice(base.length).replace(/\/$/, '');
    const end = [...ends.values()].map((one) => one.exec(rest)?.[0]).find((one) => one !== undefined) ?? '';
    const key = rest.slice(0, rest.length - end.length);
    // Whatever is no read has a word behind its key: one that is not known is no part of it.
    if (key === '' || (end === '' && !isRead)) return undefined;
    return `${base}${key.replaceAll('/', '%2F')}${end}`;
  };

  return {
    learn(url) {
      const [, base, end] = /^(\/.+\/):(?:key|model)(\/.+)?$/.exec(url) ?? [];
      if (base === undefined) return;
      const ends = endsOf.get(base) ?? new Map<string, RegExp>();
      endsOf.set(base, ends);
      if (end !== undefined) ends.set(end, new RegExp(`${end.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`));
    },
    toPath({ method, url = '' }) {
      const [, path = '', query = ''] = /^([^?#]*)(.*)$/s.exec(url) ?? [];
      const meant = pathMeant(path, method === 'GET' || method === 'HEAD');
      return meant === undefined ? url : `${meant}${query}`;
    },
  };
}
