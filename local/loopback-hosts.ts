// A preload (`node --import ./local/loopback-hosts.ts`): an unchanged program then reaches the local authorization server
// under the host names of a real one, those in LOOPBACK_HOSTS, separated by commas. Imports only Node's own modules.
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';

const hosts = (process.env.LOOPBACK_HOSTS ?? '').split(',');
const lookup = dns.lookup as (hostname: string, ...rest: unknown[]) => void;

// `node:net`, and with it `node:https` and undici, looks `dns.lookup` up at every connection.
dns.lookup = ((hostname: string, ...rest: unknown[]) =>
  lookup(hosts.includes(hostname) ? '127.0.0.1' : hostname, ...rest)) as typeof dns.lookup;
syncBuiltinESMExports();
