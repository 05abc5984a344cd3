import { parseArgs } from 'node:util';
import { GENESYS_DOMAINS } from '../../lambda/providers/genesys-regions.ts';

/** The parsed command line. */
export type CommandLine = NonNullable<ReturnType<typeof readCommandLine>>;

/** An error in the command line; its message is for the person who wrote it. */
export class UsageError extends Error {}

/** The text of `--help`. */
export const USAGE = `usage: token-endpoint NAME[,NAME...] [--min-ttl 5m] [--genesys-region REGION]
                      [--own-bearer] -- COMMAND

Runs COMMAND, and answers its OAuth2 token requests with the stored token of
NAME on a port of this machine: for a COMMAND that runs longer than any token.
Several tokens: each call is sent with the one that has most requests left.
COMMAND finds OAUTH_TOKEN_URL, OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET in its
environment. They are good for this job only.

  --min-ttl TIME           replace a token with less life: 90s, 5m, 2h (5m)
  --genesys-region REGION  forward /api/v2/ to Genesys Cloud too, always with a
                           live token; sets GENESYSCLOUD_GATEWAY_HOST, _PORT,
                           _PROTOCOL and GENESYSCLOUD_OAUTHCLIENT_ID, _SECRET
  --own-bearer             COMMAND gets a bearer of this run instead of the
                           token; the gateway exchanges it in each call
  --prefix PATH, --function NAME, --profile P, --no-mask
                           as for access-token

Needs access-token beside this file or in PATH, and the AWS CLI.
Exit status: COMMAND's. Without a first token COMMAND is not run, and the status
is access-token's: 2 usage; 4 no live token; 5 AWS refused.
`;

/**
 * Reads the command line; undefined for `--help`.
 *
 * @param env the job's environment, which may name a region of Genesys Cloud
 * @throws UsageError
 */
export function readCommandLine(args: readonly string[], env: NodeJS.ProcessEnv) {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const { values, positionals } = parse(args.slice(0, end));
  if (values.help) return undefined;
  const [name, unexpected] = positionals;
  if (name === undefined) throw new UsageError('the name of the token is missing');
  if (unexpected !== undefined) throw new UsageError(`unexpected '${unexpected}': a command follows --`);
  const names = name.split(',');
  if (names.includes('')) throw new UsageError(`'${name}' has an empty name`);
  if (new Set(names).size < names.length) throw new UsageError(`'${name}' has a name twice`);
  const [file, ...rest] = args.slice(end + 1);
  if (file === undefined) throw new UsageError('-- and a command are missing');
  const { 'min-ttl': minTtl = '5m', 'genesys-region': region, 'own-bearer': ownBearer = false } = values;
  if (ownBearer && region === undefined) {
    throw new UsageError('--own-bearer needs --genesys-region: only a gateway can exchange the bearer');
  }
  if (names.length > 1 && values.function !== undefined) {
    throw new UsageError('--function names the refresher of one token, and there are several names');
  }
  const minTtlMs = milliseconds(minTtl);
  const passedOn = (['prefix', 'function', 'profile'] as const).flatMap((option) => {
    const value = values[option];
    return value === undefined ? [] : [`--${option}`, value];
  });
  const flags = values['no-mask'] ? ['--no-mask'] : [];
  const command: readonly [string, ...string[]] = [file, ...rest];
  return {
    /** The tokens' names. */
    names,
    /** Options for `access-token get`. */
    accessTokenOptions: ['--min-ttl', minTtl, ...passedOn, ...flags],
    /** The remaining life below which a newer token is requested, in milliseconds. */
    minTtlMs,
    /** Whether COMMAND gets a bearer of this run, which the gateway exchanges, in place of the stored token. */
    ownBearer,
    /** Profile for the AWS CLI; undefined: the environment's. */
    profile: values.profile,
    /** Genesys Cloud's region and its domain: also run a gateway to `https://api.{domain}`. */
    genesys: region === undefined ? undefined : genesysOf(region, env.GENESYSCLOUD_REGION),
    command,
  };
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        'min-ttl': text,
        'genesys-region': text,
        prefix: text,
        function: text,
        profile: text,
        'no-mask': flag,
        'own-bearer': flag,
        help: { ...flag, short: 'h' },
      },
    });
  } catch (error) {
    // What follows its first sentence is advice that is wrong here.
    throw new UsageError((error as Error).message.replace(/\.\s.*/s, ''));
  }
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function milliseconds(text: string): number {
  const [, count, unit = 's'] = /^(\d{1,6})([smh]?)$/.exec(text) ?? [];
  const seconds = Number(count) * (UNIT_SECONDS[unit || 's'] as number);
  if (count === undefined) throw new UsageError(`--min-ttl '${text}' is not a duration: 90, 90s, 5m or 2h`);
  if (seconds < 1 || seconds > 172_800) throw new UsageError(`--min-ttl '${text}' is not between 1s and 48h`);
  return seconds * 1000;
}

function genesysOf(region: string, regionOfJob = region) {
  const domain = Object.hasOwn(GENESYS_DOMAINS, region) ? GENESYS_DOMAINS[region] : undefined;
  if (domain === undefined) {
    const known = Object.keys(GENESYS_DOMAINS).join(', ');
    throw new UsageError(`--genesys-region '${region}' is not a region of Genesys Cloud. Known: ${known}`);
  }
  if (regionOfJob !== region) {
    throw new UsageError(`--genesys-region is ${region}, but GENESYSCLOUD_REGION is '${regionOfJob}'`);
  }
  return { region, domain };
}
