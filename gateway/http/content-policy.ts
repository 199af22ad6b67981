/** What our pages may load: what this gateway serves. */
const contentPolicy = (styles: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    styles,
    "connect-src 'self'",
    "img-src 'self' data:",
    "media-src 'self'",
    "font-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

/** Of a page without anything inline. */
export const pagePolicy = contentPolicy("style-src 'self'");

/** Of the page of the document, whose makers write styles into it. */
export const documentPagePolicy = contentPolicy("style-src 'self' 'unsafe-inline'");
