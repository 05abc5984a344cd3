import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/** The codings that {@link decodeBody} decodes, for the header `Accept-Encoding`. */
export const ACCEPT_ENCODING = 'gzip, deflate, br';

/** More codings than servers and proxies apply one after the other. */
const MOST_CODINGS = 4;

type Decode = (bytes: Uint8Array, maxOutputLength: number) => Buffer;

// As browsers do, a body without its trailer is decoded as far as it goes.
const ZLIB = { finishFlush: constants.Z_SYNC_FLUSH };
const BROTLI = { finishFlush: constants.BROTLI_OPERATION_FLUSH };

const gzip: Decode = (bytes, maxOutputLength) => gunzipSync(bytes, { ...ZLIB, maxOutputLength });
const DECODERS: Readonly<Record<string, Decode>> = {
  gzip,
  'x-gzip': gzip,
  // Some servers leave out the zlib header (RFC 9110 section 8.4.1.2), whose low four bits are 8.
  deflate: (bytes, maxOutputLength) =>
    ((bytes[0] ?? 0) & 0x0f) === 8
      ? inflateSync(bytes, { ...ZLIB, maxOutputLength })
      : inflateRawSync(bytes, { ...ZLIB, maxOutputLength }),
  br: (bytes, maxOutputLength) => brotliDecompressSync(bytes, { ...BROTLI, maxOutputLength }),
};

/**
 * Decodes a body by its `Content-Encoding`. Undefined if it, or a coding between, is longer than `maxBytes`. A body that
 * is not what the header says is returned as it came: proxies decode bodies and leave the header.
 *
 * @see RFC 9110 section 8.4
 */
export function decodeBody(body: Uint8Array, encoding: string, maxBytes: number): Uint8Array | undefined {
  const codings = encoding
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > MOST_CODINGS) return body;
  try {
    // The coding that was applied last comes last.
    return codings.reduceRight((bytes: Uint8Array, coding) => {
      const decode = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
      if (decode === undefined) throw new Error('An unknown coding.');
      return decode(bytes, maxBytes);
    }, body);
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? undefined : body;
  }
}
