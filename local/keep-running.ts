import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { throttled } from './authorization-server/faults.ts';
import { AwsError } from './aws/aws-error.ts';
import type { Harness } from './harness.ts';
import { openRotatingHarness } from './rotating-clients.ts';

const BEAT_MS = 60_000;
const LIFETIME_MINUTES = 10;
const REFRESH_INTERVAL_MINUTES = 3;
/** Longer than the function waits. */
const SLOW_MS = 60_000;

/** By how much AWS's clock is ahead after `clock`. AWS refuses requests from five minutes on. */
const CLOCK_AHEAD_MS = 4 * 60_000;

/** What a person can type while it runs. */
interface Action {
  readonly about: string;
  readonly act: (harness: Harness, schedule: Schedule) => unknown;
}

/** What the faults of the schedule and of the clock change. */
interface Schedule {
  isEnabled: boolean;
  clockAheadMs: number;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  down: {
    about: 'the token endpoint refuses connections',
    act: ({ authorizationServer }) => authorizationServer.faults.goOffline(),
  },
  '503': {
    about: 'the token endpoint answers 503',
    act: ({ authorizationServer }) =>
      authorizationServer.faults.always('token', {
        kind: 'answer',
        status: 503,
        body: 'Service Unavailable',
      }),
  },
  throttle: {
    about: 'the token endpoint answers 429, with Retry-After: 90',
    act: ({ authorizationServer }) => authorizationServer.faults.always('token', throttled(90)),
  },
  slow: {
    about: `the token endpoint answers after ${SLOW_MS / 1000} s`,
    act: ({ authorizationServer }) =>
      authorizationServer.faults.always('token', {
        kind: 'delay',
        until: () => sleep(SLOW_MS, undefined, { ref: false }),
      }),
  },
  'wrong secret': {
    about: 'the authorization server has another client secret than Secrets Manager',
    act: (harness) => {
      const { client_id, idle_client_id } = currentClient(harness);
      // With the secret of the one before, the function would go on.
      for (const id of [client_id, idle_client_id])
        harness.authorizationServer.replaceClientSecret(id, 'another-secret');
    },
  },
  'schedule off': {
    about: 'nobody invokes the function any more',
    act: (_, schedule) => {
      schedule.isEnabled = false;
    },
  },
  deleted: {
    about: 'somebody has deleted the parameter of the token',
    act: ({ administer, fn }) => administer('DeleteParameter', { Name: fn.environment.TOKEN_PARAMETER }),
  },
  'key denied': {
    about: 'the policy of the KMS key denies the function the encryption of the token',
    act: ({ aws, fn }) =>
      aws.faults.hook(
        'before-executing',
        { operation: 'PutParameter', name: fn.environment.TOKEN_PARAMETER ?? '' },
        () => {
          throw new AwsError(
            'AccessDeniedException',
            'User is not authorized to perform: kms:Encrypt on this resource with an explicit deny in a resource-based policy',
          );
        },
      ),
  },
  clock: {
    about: `the clock of this machine is ${CLOCK_AHEAD_MS / 60_000} minutes behind AWS's`,
    act: (harness, schedule) => {
      harness.advance(CLOCK_AHEAD_MS - schedule.clockAheadMs);
      schedule.clockAheadMs = CLOCK_AHEAD_MS;
    },
  },
  up: {
    about: 'ends all faults',
    act: async (harness, schedule) => {
      harness.advance(-schedule.clockAheadMs);
      Object.assign(schedule, { isEnabled: true, clockAheadMs: 0 } satisfies Schedule);
      const { authorizationServer } = harness;
      const { client_id, client_secret } = currentClient(harness);
      await authorizationServer.faults.goOnline();
      harness.clearFaults();
      authorizationServer.replaceClientSecret(client_id, client_secret);
    },
  },
};

/** The client that mints: rotations change it. */
function currentClient({
  administer,
  secretName,
}: Harness): Record<'client_id' | 'client_secret' | 'idle_client_id', string> {
  return JSON.parse(String(administer('GetSecretValue', { SecretId: secretName }).SecretString));
}

/**
 * Runs the refresher on this machine, on the real clock, until a person types `quit` or presses Ctrl-C. Invokes the
 * function every minute, prints each mint, each failure and commands to paste, and causes faults on request.
 */
export async function keepRunning(write: (line: string) => void): Promise<void> {
  const harness = await openRotatingHarness({
    lifetimeSeconds: LIFETIME_MINUTES * 60,
    token: () => ({ refreshInterval: REFRESH_INTERVAL_MINUTES }),
  });
  try {
    const say = (text: string): void => write(`${harness.now().toISOString().slice(11, 19)}Z  ${text}`);
    harness.followLines((line) => {
      const text = describe(line);
      if (text !== undefined) say(text);
    });
    // The function's log lines show a failed mint.
    const beat = (): Promise<unknown> => harness.invoke().catch(() => undefined);
    await beat();
    write(instructions(harness));
    const schedule: Schedule = { isEnabled: true, clockAheadMs: 0 };
    const beats = setInterval(() => schedule.isEnabled && beat(), BEAT_MS);
    await obey(harness, schedule, say);
    clearInterval(beats);
  } finally {
    await harness.close();
  }
}

/** One line for a mint or a failure; undefined for an idle beat. */
function describe(line: string): string | undefined {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  const { step, outcome, reason, tokenVersion, expiresAt, error, warnings } = entry;
  if (error !== undefined) {
    const { code, message } = error as { code: string; message: string };
    return `✗ ${step ?? 'mint'} failed: ${code}: ${message}`;
  }
  if (step !== undefined) return `↻ ${step}: ${outcome}`;
  if (outcome === 'refreshed') return `● minted v${tokenVersion} (${reason}), expires ${expiresAt}`;
  return Array.isArray(warnings) ? `! ${warnings.join('; ')}` : undefined;
}

/** Runs the typed commands, until `quit`, the end of stdin or a signal. */
async function obey(harness: Harness, schedule: Schedule, say: (text: string) => void): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  const hasEnded = new Promise<void>((resolve) => {
    lines.once('close', resolve);
    lines.on('line', async (typed) => {
      const name = typed.trim().toLowerCase();
      if (name === 'quit') resolve();
      else if (name === 'help') say(help());
      else if (Object.hasOwn(ACTIONS, name)) {
        const { act, about } = ACTIONS[name] as Action;
        await act(harness, schedule);
        say(`▶ ${name}: ${about}`);
      } else if (name !== '') say(`There is no '${name}'. ${help()}`);
    });
  });
  await Promise.race([hasEnded, once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  lines.close();
  process.stdin.unref?.();
}

function help(): string {
  const rows = Object.entries(ACTIONS).map(([name, { about }]) => `  ${name.padEnd(14)}${about}`);
  return [
    'Type one of these commands, and Enter:',
    ...rows,
    `  ${'help'.padEnd(14)}this list`,
    `  ${'quit'.padEnd(14)}ends`,
  ].join('\n');
}

function instructions({ aws, administrator, fn, assembly, secretName }: Harness): string {
  const { accessKeyId, secretAccessKey, sessionToken } = administrator;
  const invoke = `aws lambda invoke --function-name ${fn.name} --payload fileb:///dev/stdin /dev/stdout`;
  return `
Running on the real clock. Every minute the function is invoked; tokens live ${LIFETIME_MINUTES} minutes and are replaced
before they are ${REFRESH_INTERVAL_MINUTES} minutes old. Paste this into another shell, in this directory (AWS CLI 1.29, 2.13 or later):

  export AWS_ENDPOINT_URL=${aws.url} AWS_REGION=${aws.region} AWS_DEFAULT_REGION=${aws.region} AWS_PAGER=
  export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey} AWS_SESSION_TOKEN=${sessionToken}

  ci/access-token status ${fn.tokenName}
  ci/access-token get ${fn.tokenName} --min-ttl 8m
  ci/access-token doctor ${fn.tokenName}
  ci/token-endpoint.mjs ${fn.tokenName} -- sh -c 'curl --silent --user "$OAUTH_CLIENT_ID:$OAUTH_CLIENT_SECRET" --data grant_type=client_credentials "$OAUTH_TOKEN_URL"'
  aws ssm get-parameter --name ${fn.environment.STATUS_PARAMETER} --query Parameter.Value --output text
  aws secretsmanager describe-secret --secret-id ${secretName}
  printf '{"force":true}' | ${invoke}
  printf '{"diagnose":true}' | ${invoke}
  printf '{"check":true}' | ${invoke.replace(fn.name, assembly.rotations[0]?.name ?? '')}
  aws secretsmanager rotate-secret --secret-id ${secretName}

${help()}
`;
}
