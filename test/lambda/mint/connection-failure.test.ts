import { connectionFailure } from '../../../lambda/mint/connection-failure.ts';

test.each([
  [
    /^It did not answer in time/,
    ['TimeoutError', 'AbortError', 'ETIMEDOUT', 'UND_ERR_ABORTED', 'UND_ERR_BODY_TIMEOUT'],
  ],
  [/^The name was not found/, ['ENOTFOUND', 'EAI_AGAIN']],
  [
    /^The TLS connection failed/,
    ['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_SSL_WRONG_VERSION_NUMBER', 'EPROTO'],
  ],
  [
    /^The TLS connection failed/,
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ],
  [/^Check its status page/, ['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET', 'HTTPParserError']],
])('the advice is %s for %j', (advice, labels) => {
  for (const label of labels) {
    const error = Object.assign(new Error('canary'), { code: label });

    expect(connectionFailure(error)).toEqual({ label, advice: expect.stringMatching(advice) });
  }
});
