import { GENESYS_DOMAINS } from '../../lambda/providers/genesys-regions.ts';

/** The parsed command line. */
export interface CommandLine {
  /** Arguments for `access-token get`, from NAME on. */
  readonly accessTokenArguments: readonly string[];
  /** The remaining life below which a newer token is requested, in milliseconds. */
  readonly minTtlMs: number;
  /** Profile for the AWS CLI; undefined: the environment's. */
  readonly profile: string | undefined;
  /** Genesys Cloud's region and its domain: also run a gateway to `https://api.{domain}`. */
  readonly genesys: { readonly region: string; readonly domain: string } | undefined;
  readonly command: readonly [string, ...string[]];
}

/** An error in the command line; its message is for the person who wrote it. */
export class UsageError extends Error {}

/** The text of `--help`. */
export const USAGE = `usage: token-endpoint NAME [--min-ttl 5m] [--genesys-region REGION] -- COMMAND

Runs COMMAND, and answers its OAuth2 token requests with the stored token of
NAME on a port of this machine: for a COMMAND that runs longer than any token.
COMMAND finds OAUTH_TOKEN_URL, OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET in its
environment. They are good for this job only.

  --min-ttl TIME           replace a token with less life: 90s, 5m, 2h (5m)
  --genesys-region REGION  forward /api/v2/ to Genesys Cloud too, always with a
                           live token; sets GENESYSCLOUD_GATEWAY_HOST, _PORT,
                           _PROTOCOL and GENESYSCLOUD_OAUTHCLIENT_ID, _SECRET
  --prefix PATH, --function NAME, --profile P, --no-mask
                           as for access-token

Needs access-token beside this file or in PATH, and the AWS CLI.
Exit status: COMMAND's. Without a first token COMMAND is not run, and the status
is access-token's: 2 usage; 4 no live token; 5 AWS refused.
`;

const VALUED = ['--min-ttl', '--genesys-region', '--prefix', '--function', '--profile'] as const;

/**
 * Reads the command line; undefined for `--help`.
 *
 * @throws UsageError
 */
export function readCommandLine(args: readonly string[]): CommandLine | undefined {
  const values = new Map<string, string>();
  const names: string[] = [];
  const flags: string[] = [];
  let command: readonly string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] as string;
    if (word === '--') {
      command = args.slice(index + 1);
      break;
    }
    if (word === '--help' || word === '-h') return undefined;
    const [option, attached] = splitOption(word);
    if (VALUED.some((known) => known === option)) {
      if (attached === undefined) index += 1;
      const value = attached ?? args[index];
      if (value === undefined) throw new UsageError(`${option} needs a value`);
      values.set(option, value);
    } else if (word === '--no-mask') flags.push(word);
    else if (word.startsWith('-')) throw new UsageError(`unknown option '${word}'`);
    else names.push(word);
  }
  const [name, unexpected] = names;
  if (name === undefined) throw new UsageError('the name of the token is missing');
  if (unexpected !== undefined) throw new UsageError(`unexpected '${unexpected}': a command follows --`);
  const [file, ...rest] = command;
  if (file === undefined) throw new UsageError('-- and a command are missing');
  const minTtl = values.get('--min-ttl') ?? '5m';
  const minTtlMs = milliseconds(minTtl);
  const passedOn = ['--prefix', '--function', '--profile'].flatMap((option) => {
    const value = values.get(option);
    return value === undefined ? [] : [option, value];
  });
  return {
    accessTokenArguments: [name, '--min-ttl', minTtl, ...passedOn, ...flags],
    minTtlMs,
    profile: values.get('--profile'),
    genesys: genesysOf(values.get('--genesys-region')),
    command: [file, ...rest],
  };
}

function splitOption(word: string): [string, string | undefined] {
  const at = word.indexOf('=');
  return word.startsWith('--') && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word, undefined];
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function milliseconds(text: string): number {
  const [, count, unit = 's'] = /^(\d{1,6})([smh]?)$/.exec(text) ?? [];
  const seconds = Number(count) * (UNIT_SECONDS[unit || 's'] as number);
  if (count === undefined) throw new UsageError(`--min-ttl '${text}' is not a duration: 90, 90s, 5m or 2h`);
  if (seconds < 1 || seconds > 172_800) throw new UsageError(`--min-ttl '${text}' is not between 1s and 48h`);
  return seconds * 1000;
}

function genesysOf(region: string | undefined): CommandLine['genesys'] {
  if (region === undefined) return undefined;
  const domain = Object.hasOwn(GENESYS_DOMAINS, region) ? GENESYS_DOMAINS[region] : undefined;
  if (domain === undefined) {
    const known = Object.keys(GENESYS_DOMAINS).join(', ');
    throw new UsageError(`--genesys-region '${region}' is not a region of Genesys Cloud. Known: ${known}`);
  }
  return { region, domain };
}
