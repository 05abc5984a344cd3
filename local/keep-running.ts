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

/** What a person can type while it runs, and what it does. `schedule` is what two of them change. */
function actionsOf(
  harness: Harness,
  schedule: { isEnabled: boolean },
): Readonly<Record<string, readonly [about: string, act: () => unknown]>> {
  const { administer, advance, authorizationServer, aws, fn } = harness;
  const { faults } = authorizationServer;
  let clockAheadMs = 0;
  const setClock = (aheadMs: number): void => {
    advance(aheadMs - clockAheadMs);
    clockAheadMs = aheadMs;
  };
  const unavailable = { kind: 'answer', status: 503, body: 'Service Unavailable' } as const;
  const delay = { kind: 'delay', until: () => sleep(SLOW_MS, undefined, { ref: false }) } as const;
  const denied =
    'User is not authorized to perform: kms:Encrypt on this resource with an explicit deny in a resource-based policy';
  return {
    down: ['the token endpoint refuses connections', () => faults.goOffline()],
    '503': ['the token endpoint answers 503', () => faults.always('token', unavailable)],
    throttle: [
      'the token endpoint answers 429, with Retry-After: 90',
      () => faults.always('token', throttled(90)),
    ],
    slow: [`the token endpoint answers after ${SLOW_MS / 1000} s`, () => faults.always('token', delay)],
    'wrong secret': [
      'the authorization server has another client secret than Secrets Manager',
      () => {
        const { client_id, idle_client_id } = currentClient(harness);
        // With the secret of the one before, the function would go on.
        for (const id of [client_id, idle_client_id])
          authorizationServer.replaceClientSecret(id, 'another-secret');
      },
    ],
    'schedule off': [
      'nobody invokes the function any more',
      () => {
        schedule.isEnabled = false;
      },
    ],
    deleted: [
      'somebody has deleted the parameter of the token',
      () => administer('DeleteParameter', { Name: fn.environment.TOKEN_PARAMETER }),
    ],
    'key denied': [
      'the policy of the KMS key denies the function the encryption of the token',
      () => {
        const call = { operation: 'PutParameter', name: fn.environment.TOKEN_PARAMETER ?? '' };
        aws.faults.hook('before-executing', call, () => {
          throw new AwsError('AccessDeniedException', denied);
        });
      },
    ],
    clock: [
      `the clock of this machine is ${CLOCK_AHEAD_MS / 60_000} minutes behind AWS's`,
      () => setClock(CLOCK_AHEAD_MS),
    ],
    up: [
      'ends all faults',
      async () => {
        setClock(0);
        schedule.isEnabled = true;
        const { client_id, client_secret } = currentClient(harness);
        await faults.goOnline();
        harness.clearFaults();
        authorizationServer.replaceClientSecret(client_id, client_secret);
      },
    ],
  };
}

/** The client that mints: rotations change it. */
function currentClient({ administer, secretName }: Harness) {
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
    const schedule = { isEnabled: true };
    const actions = actionsOf(harness, schedule);
    const help = [
      'Type one of these commands, and Enter:',
      ...Object.entries(actions).map(([name, [about]]) => `  ${name.padEnd(14)}${about}`),
      `  ${'help'.padEnd(14)}this list`,
      `  ${'quit'.padEnd(14)}ends`,
    ].join('\n');
    write(`${instructions(harness)}\n${help}\n`);
    const beats = setInterval(() => schedule.isEnabled && beat(), BEAT_MS);
    await obey(actions, help, say);
    clearInterval(beats);
  } finally {
    await harness.close();
  }
}

/** One line for a mint or a failure; undefined for an idle beat. */
function describe(line: string): string | undefined {
  // What is no JSON is Node.js' own.
  if (!line.startsWith('{')) return line;
  const { step, outcome, reason, tokenVersion, expiresAt, error, warnings } = JSON.parse(line);
  if (error !== undefined) return `✗ ${step ?? 'mint'} failed: ${error.code}: ${error.message}`;
  if (step !== undefined) return `↻ ${step}: ${outcome}`;
  if (outcome === 'refreshed') return `● minted v${tokenVersion} (${reason}), expires ${expiresAt}`;
  return Array.isArray(warnings) ? `! ${warnings.join('; ')}` : undefined;
}

/** Runs the typed commands, until `quit`, the end of stdin or a signal. */
async function obey(
  actions: ReturnType<typeof actionsOf>,
  help: string,
  say: (text: string) => void,
): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  const hasEnded = new Promise<void>((resolve) => {
    lines.once('close', resolve);
    lines.on('line', async (typed) => {
      const name = typed.trim().toLowerCase();
      const [about, act] = (Object.hasOwn(actions, name) && actions[name]) || [];
      if (name === 'quit') resolve();
      else if (name === 'help') say(help);
      else if (act !== undefined) {
        await act();
        say(`▶ ${name}: ${about}`);
      } else if (name !== '') say(`There is no '${name}'. ${help}`);
    });
  });
  await Promise.race([hasEnded, once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  lines.close();
  process.stdin.unref?.();
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
`;
}
