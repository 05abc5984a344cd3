// A preload (`node --import ./local/loopback-hosts.ts`): an unchanged program then reaches the local authorization server
// under the host names of a real one. Imports only Node's own modules, and exports nothing.
import dns, { type LookupAddress, type LookupOptions } from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';

type Callback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

const hosts = new Set(
  (process.env.LOOPBACK_HOSTS ?? '')
    .split(',')
    .map((host) => host.trim().toLowerCase())
    .filter((host) => host !== ''),
);
const lookup = dns.lookup as (hostname: string, options: LookupOptions, callback: Callback) => void;

/** Answers 127.0.0.1 for the names in LOOPBACK_HOSTS (separated by commas); asks the system for any other. */
function lookupLoopback(
  hostname: string,
  optionsOrCallback: LookupOptions | number | null | undefined | Callback,
  callback?: Callback,
): void {
  const done = typeof optionsOrCallback === 'function' ? optionsOrCallback : callback;
  const options: LookupOptions =
    typeof optionsOrCallback === 'object' && optionsOrCallback !== null
      ? optionsOrCallback
      : typeof optionsOrCallback === 'number'
        ? { family: optionsOrCallback }
        : {};
  if (done === undefined || !hosts.has(hostname.toLowerCase())) {
    lookup(hostname, options, done as Callback);
  } else if (options.all === true) {
    process.nextTick(done, null, [{ address: '127.0.0.1', family: 4 }]);
  } else {
    process.nextTick(done, null, '127.0.0.1', 4);
  }
}

// `node:net`, and with it `node:https` and undici, looks `dns.lookup` up at every connection.
dns.lookup = lookupLoopback as typeof dns.lookup;
syncBuiltinESMExports();
