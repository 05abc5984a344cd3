import { execFile } from 'node:child_process';

/** What the environment says about the job's AWS session. */
export interface AwsSession {
  /** Environments for `access-token`, in the order in which they are to be tried. */
  readonly environments: readonly NodeJS.ProcessEnv[];
  /** When the session ends without renewal, in milliseconds since 1970; undefined: not known, or renewed. */
  readonly endsAtMs?: number | undefined;
  /** Text for the job's log at the start; undefined if the session is renewed. */
  readonly notice?: string;
}

/**
 * Finds out how long the job can read tokens. Each run of the AWS CLI takes new web identity or container credentials. A
 * session in environment variables ends; if the environment also has one of those two, it is used from then on.
 *
 * @see https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-authentication.html#cli-chap-authentication-precedence
 */
export async function examineAwsSession(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly profile: string | undefined;
  readonly now: () => number;
}): Promise<AwsSession> {
  const { env, profile, now } = options;
  const {
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: _,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_CREDENTIAL_EXPIRATION: expiration,
    ...withoutSession
  } = env;
  const environments = [env];
  const renewable = renewableSource(env);
  // A named profile takes precedence over credentials in the environment.
  if (profile !== undefined || !accessKey) {
    const endsAtMs = profile === undefined && renewable ? undefined : await endOfProfile(env, profile);
    if (endsAtMs === undefined) return { environments };
    const consequence = "the AWS CLI takes a new one if the profile or the machine's role provides it";
    return {
      environments,
      notice: `the job's AWS session ends ${timeText(endsAtMs, now())}; ${consequence}`,
    };
  }
  // The keys of a user, which do not expire.
  if (!sessionToken) return { environments };
  const endsAtMs = readTime(expiration);
  const end = endsAtMs === undefined ? 'at an unknown time' : timeText(endsAtMs, now());
  if (renewable === undefined) {
    const consequence = 'and cannot be renewed here: after that, no newer token can be read';
    const notice = `the job's AWS session ends ${end} ${consequence}. If COMMAND runs longer, request a longer session`;
    return { environments, endsAtMs, notice };
  }
  return {
    environments: [env, withoutSession],
    notice: `the job's AWS session ends ${end}; after that, the job's ${renewable} is used`,
  };
}

/** The renewed credentials that the environment offers. */
function renewableSource(env: NodeJS.ProcessEnv): string | undefined {
  if (env.AWS_WEB_IDENTITY_TOKEN_FILE && env.AWS_ROLE_ARN) return 'web identity';
  if (env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI) {
    return "container's role";
  }
  return undefined;
}

/** Asks the AWS CLI about a profile, or about the machine's role. The credentials in its answer are not kept. */
function endOfProfile(env: NodeJS.ProcessEnv, profile: string | undefined): Promise<number | undefined> {
  const words = ['configure', 'export-credentials', '--format', 'process'];
  if (profile !== undefined) words.push('--profile', profile);
  return new Promise((resolve) => {
    execFile('aws', words, { env, timeout: 10_000 }, (_error, stdout) =>
      resolve(readTime(/"Expiration": *"([^"]*)"/.exec(stdout)?.[1])),
    );
  });
}

function readTime(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** `at 15:00:00Z (in 47 min)`. */
function timeText(timeMs: number, nowMs: number): string {
  const minutes = Math.max(0, Math.floor((timeMs - nowMs) / 60_000));
  const left = minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `at ${new Date(timeMs).toISOString().slice(11, 19)}Z (in ${left})`;
}
