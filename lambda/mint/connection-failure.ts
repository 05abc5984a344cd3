import { errorLabel } from '../errors.ts';

/**
 * Describes why no answer came, and what to check. Never repeats the error's own message, which may quote what was sent.
 * `label` is the technical name.
 */
export function connectionFailure(error: unknown): { readonly label: string; readonly advice: string } {
  const label = errorLabel(error);
  return { label, advice: advice(label) };
}

function advice(label: string): string {
  if (/^(TimeoutError|AbortError|ETIMEDOUT|UND_ERR_\w*TIMEOUT|UND_ERR_ABORTED)$/.test(label)) {
    return 'It did not answer in time. Check its status page and, if the function runs in a VPC, the route through the NAT gateway.';
  }
  if (/^(ENOTFOUND|EAI_\w+)$/.test(label)) {
    return 'The name was not found. Check the region, domain, issuer or URL in the configuration and the VPC’s DNS.';
  }
  if (/^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO)/.test(label)) {
    return 'The TLS connection failed. Check the host’s certificate, and whether a proxy intercepts the connection.';
  }
  return 'Check its status page, the URL in the configuration and, if the function runs in a VPC, the route through the NAT gateway.';
}
