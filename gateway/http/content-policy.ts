/** The Content-Security-Policy of our pages: they may load only what this gateway serves. */
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

/** For pages without inline content. */
export const pagePolicy = contentPolicy("style-src 'self'");

/** For the page of the API document, whose renderer inserts inline styles. */
export const documentPagePolicy = contentPolicy("style-src 'self' 'unsafe-inline'");
