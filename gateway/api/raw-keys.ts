import type { IncomingMessage } from 'node:http';

/** Rewrites paths with unencoded keys and model ids: `order/1` becomes the one segment `order%2F1`. */
export interface RawKeys {
  /** To be called with every route. */
  learn: (url: string) => void;
  /** The path with its key encoded. */
  toPath: (request: Pick<IncomingMessage, 'method' | 'url'>) => string;
}

/** Takes everything between the base of a route and its fixed end for the key. */
export function createRawKeys(): RawKeys {
  const endsOf = new Map<string, Map<string, RegExp>>();

  const pathMeant = (path: string, isRead: boolean): string | undefined => {
    const [base, ends] = [...endsOf].find(([one]) => path.startsWith(one)) ?? [];
    if (base === undefined || ends === undefined) return undefined;
    const rest = path.slice(base.length).replace(/\/$/, '');
    const end = [...ends.values()].map((one) => one.exec(rest)?.[0]).find((one) => one !== undefined) ?? '';
    const key = rest.slice(0, rest.length - end.length);
    // Only reads have routes that end with the key: for other methods, an unknown end is not taken as part of it.
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
