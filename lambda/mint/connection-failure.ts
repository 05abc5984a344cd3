import { errorLabel } from '../errors.ts';

/**
 * Describes why no answer came, and what to check, by the innermost cause. Never repeats the error's own message, which
 * may quote what was sent. `label` is the technical name.
 */
export function connectionFailure(error: unknown): { readonly label: string; readonly advice: string } {
  const cause = innermost(error);
  // The status is only in undici's own text.
  const proxyStatus = cause instanceof Error && /^Proxy response \((\d{3})\)/.exec(cause.message)?.[1];
  if (proxyStatus) {
    return { label: `the proxy answered HTTP ${proxyStatus}`, advice: proxyAdvice(Number(proxyStatus)) };
  }
  const label = errorLabel(cause);
  return { label, advice: advice(label, errorLabel(error)) };
}

/** Follows `cause`, and the first of several errors (one for each address), to the error that has none. A chain without end is cut. */
function innermost(error: unknown, depth = 0): unknown {
  const { cause, errors } = Object(error) as { cause?: unknown; errors?: unknown };
  const inner = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  return typeof inner === 'object' && inner !== null && depth < 10 ? innermost(inner, depth + 1) : error;
}

function proxyAdvice(status: number): string {
  if (status === 407) {
    return 'The proxy wants a user and a password, or does not accept those of HTTPS_PROXY: correct HTTPS_PROXY of the function.';
  }
  if (status === 403 || status === 405) {
    return 'The proxy does not allow connections to this host: let its operator allow the host and its port, or add the host to NO_PROXY.';
  }
  return 'The proxy could not reach the host: check the proxy, its route and its DNS, and then the status page of the host.';
}

function advice(label: string, outer: string): string {
  if (outer === 'UND_ERR_PRX_CONN') {
    return 'The proxy did not answer: check HTTPS_PROXY, and the route from the function to the proxy.';
  }
  if (/CERTIFICATE_REQUIRED|ALERT_(HANDSHAKE_FAILURE|BAD_CERTIFICATE|NO_CERTIFICATE)/.test(label)) {
    return 'The server ended the TLS handshake: it wants a client certificate (mutual TLS), which the function does not have. Configure a URL of the server without mutual TLS, or let the server accept this client without a certificate. If it wants none, check the TLS versions and ciphers that it allows.';
  }
  if (/^(TimeoutError|AbortError|ETIMEDOUT|UND_ERR_\w*TIMEOUT|UND_ERR_ABORTED)$/.test(label)) {
    return 'It did not answer in time. Check its status page and, if the function runs in a VPC, the route through the NAT gateway.';
  }
  if (/^(ENOTFOUND|EAI_\w+)$/.test(label)) {
    return 'The name was not found. Check the region, domain, issuer or URL in the configuration and the VPC’s DNS.';
  }
  if (/^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO)/.test(label)) {
    return 'The TLS connection failed. Check the host’s certificate, and whether a proxy intercepts the connection.';
  }
  if (/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/.test(label)) {
    return 'The connection was closed without an answer. Check its status page, a firewall on the way, and whether the server wants a client certificate (mutual TLS).';
  }
  return 'Check its status page, the URL in the configuration and, if the function runs in a VPC, the route through the NAT gateway.';
}
