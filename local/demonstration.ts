import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { type Harness, openHarness, type Read } from './harness.ts';

const MINUTE = 60_000;

const MARKS = {
  mint: styleText('green', '●'),
  read: styleText('cyan', '→'),
  fault: styleText('yellow', '✗'),
  action: styleText('magenta', '▶'),
  bad: styleText('red', '✗'),
};

/** Runs the demonstration, and tells whether every check passed. */
export async function demonstrate(write: (line: string) => void): Promise<boolean> {
  const token = () => ({ refreshInterval: 10 });
  const harness = await openHarness({ speed: 120, lifetimeSeconds: 20 * 60, token });
  return play(harness, write).finally(harness.close);
}

/**
 * Plays the main job on a running harness: mints, refreshes, an outage of the token endpoint, a forced refresh
 * and a new client secret, while a reader checks each token against the authorization server.
 */
async function play(harness: Harness, write: (line: string) => void): Promise<boolean> {
  const start = harness.now().getTime();
  const elapsed = (): number => (harness.now().getTime() - start) / MINUTE;
  const until = (minute: number) => sleep(Math.max(0, harness.realMs((minute - elapsed()) * MINUTE)));
  const heading = (text: string): void => write(`\n${styleText('bold', text)}`);
  const say = (mark: keyof typeof MARKS, text: string): void =>
    write(`${styleText('dim', `${elapsed().toFixed(1).padStart(6)} min`)}  ${MARKS[mark]} ${text}`);
  const mints: Record<string, number> = {};
  let failedMints = 0;
  harness.followLines((line) => {
    const { outcome, reason, tokenVersion, RemainingSeconds, error } = JSON.parse(line);
    if (error !== undefined) failedMints += 1;
    if (error !== undefined && failedMints === 1)
      say('fault', `mint failed: ${error.code}; the stored token stays`);
    if (outcome !== 'refreshed') return;
    mints[reason] = (mints[reason] ?? 0) + 1;
    const before =
      RemainingSeconds > 0 ? `, while the previous token had ${minutes(RemainingSeconds)} left` : '';
    say('mint', `v${tokenVersion} minted and stored (${reason})${before}`);
  });
  let isOver = false;
  // The function logs a failed mint. If the function is busy, the beat is lost, as in AWS.
  const beat = () => harness.invoke().catch(() => undefined);
  const invokeEveryMinute = async (): Promise<void> => {
    let last: Promise<unknown> | undefined;
    for (; !isOver; last = beat()) await sleep(harness.realMs(MINUTE));
    await last;
  };
  const seen = { reads: 0, badReads: 0, leastRemainingSeconds: Number.POSITIVE_INFINITY, version: 0 };
  /** A job that reads again and again, every 20 seconds of the fast clock. */
  const readOften = async (): Promise<void> => {
    for (; !isOver; await sleep(harness.realMs(MINUTE / 3))) {
      const found = await harness.read().catch((error: Error) => ({ problem: error.name }) as Partial<Read>);
      seen.reads += 1;
      if (found.expiresAt === undefined || found.version === undefined) {
        seen.badReads += 1;
        say('bad', `read: the token is ${found.problem}`);
        continue;
      }
      const remaining = (found.expiresAt.getTime() - harness.now().getTime()) / 1000;
      seen.leastRemainingSeconds = Math.min(seen.leastRemainingSeconds, remaining);
      if (found.version !== seen.version)
        say('read', `a job reads v${found.version}: accepted, ${minutes(remaining)} left`);
      seen.version = found.version;
    }
  };

  heading(
    'The function is invoked every minute. Tokens live 20 minutes, and are replaced before they are 10 minutes old.',
  );
  await beat();
  const running = Promise.all([invokeEveryMinute(), readOften()]);

  await until(22);
  const { version } = seen;
  while (seen.version === version) await sleep(harness.realMs(MINUTE / 3));
  const outageStart = elapsed() + 6;
  await until(outageStart);
  heading('The token endpoint fails a few minutes before a refresh is due.');
  say('fault', 'token endpoint: connections are refused');
  await harness.authorizationServer.faults.goOffline();
  await until(outageStart + 8);
  await harness.authorizationServer.faults.goOnline();
  const failures = `${failedMints} failed mints, ${seen.badReads} failed reads`;
  say('action', `token endpoint works again after 8 min: ${failures}`);

  await until(outageStart + 12);
  heading('An engineer forces a refresh.');
  say('action', 'aws lambda invoke --payload \'{"force":true}\'');
  await harness.invoke({ force: true });

  await until(outageStart + 16);
  heading('The OAuth client gets a new secret.');
  say('action', 'aws secretsmanager put-secret-value: the event mints at once');
  await harness.changeSecret();

  await until(outageStart + 20);
  isOver = true;
  await running;

  const { reads, badReads, leastRemainingSeconds } = seen;
  const count = Object.values(mints).reduce((sum, one) => sum + one, 0);
  const reasons = Object.entries(mints).map(([reason, times]) => `${times} ${reason}`);
  const deniedCalls = harness.aws.calls.filter(({ allowed }) => !allowed).length;
  const canaries = [...harness.tokens.keys(), ...harness.clientSecrets];
  const lines = harness.written().split('\n');
  const leaks = lines.filter((line) => canaries.some((canary) => line.includes(canary))).length;
  const checks: [boolean, string][] = [
    [
      reads > 0 && badReads === 0,
      `${reads} reads, ${reads - badReads} gave a token that the server accepted`,
    ],
    [leastRemainingSeconds > 0, `least remaining life at a read: ${minutes(leastRemainingSeconds)}`],
    [
      ['no-token', 'age', 'forced', 'secret-changed'].every((reason) => (mints[reason] ?? 0) > 0),
      `${count} mints: ${reasons.join(', ')}`,
    ],
    [failedMints > 0, `${failedMints} failed mints during the outage`],
    [deniedCalls === 0, `${deniedCalls} AWS calls that the synthesized policy refused`],
    [leaks === 0, `${leaks} tokens or secrets in log lines or statuses`],
  ];
  write('');
  for (const [isGood, text] of checks) write(`${isGood ? '✓' : '✗'} ${text}`);
  return checks.every(([isGood]) => isGood);
}

function minutes(seconds: number): string {
  return `${(seconds / 60).toFixed(1)} min`;
}
