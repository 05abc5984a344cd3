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

/** Prints lines with the minutes on the demonstration's clock. */
type Timeline = ReturnType<typeof createTimeline>;

function createTimeline(now: () => Date, write: (line: string) => void) {
  const start = now().getTime();
  return {
    say(mark: keyof typeof MARKS, text: string): void {
      const minutes = ((now().getTime() - start) / MINUTE).toFixed(1).padStart(6);
      write(`${styleText('dim', `${minutes} min`)}  ${MARKS[mark]} ${text}`);
    },
    heading: (text: string): void => write(`\n${styleText('bold', text)}`),
  };
}

/** Runs the demonstration, and tells whether every check passed. */
export async function demonstrate(write: (line: string) => void): Promise<boolean> {
  const harness = await openHarness({
    ...{ speed: 120, lifetimeSeconds: 20 * 60 },
    token: () => ({ refreshInterval: 10 }),
  });
  try {
    return judge(await playDemonstration(harness, createTimeline(harness.now, write)), write);
  } finally {
    await harness.close();
  }
}

/**
 * Plays the main job on a running harness: mints, refreshes, an outage of the token endpoint, a forced refresh
 * and a new client secret, while a reader checks each token against the authorization server.
 */
async function playDemonstration(harness: Harness, timeline: Timeline) {
  const start = harness.now().getTime();
  const until = (minute: number) =>
    sleep(Math.max(0, harness.realMs(start + minute * MINUTE - harness.now().getTime())));
  const reader = createReader(harness, timeline);
  const mints: Record<string, number> = {};
  let failedMints = 0;
  const follow = (line: string): void => {
    const { outcome, reason, tokenVersion, RemainingSeconds, error } = JSON.parse(line);
    if (error !== undefined) failedMints += 1;
    if (error !== undefined && failedMints === 1)
      timeline.say('fault', `mint failed: ${error.code}; the stored token stays`);
    if (outcome !== 'refreshed') return;
    mints[reason] = (mints[reason] ?? 0) + 1;
    const before =
      RemainingSeconds > 0 ? `, while the previous token had ${minutes(RemainingSeconds)} left` : '';
    timeline.say('mint', `v${tokenVersion} minted and stored (${reason})${before}`);
  };
  harness.followLines(follow);

  timeline.heading(
    'The function is invoked every minute. Tokens live 20 minutes, and are replaced before they are 10 minutes old.',
  );
  const heartbeat = startHeartbeat(harness);
  await heartbeat.firstBeat;
  const reading = reader.run();

  await until(22);
  const version = reader.version();
  while (reader.version() === version) await sleep(harness.realMs(MINUTE / 3));
  const outageStart = (harness.now().getTime() - start) / MINUTE + 6;
  await until(outageStart);
  timeline.heading('The token endpoint fails a few minutes before a refresh is due.');
  timeline.say('fault', 'token endpoint: connections are refused');
  await harness.authorizationServer.faults.goOffline();
  await until(outageStart + 8);
  await harness.authorizationServer.faults.goOnline();
  timeline.say(
    'action',
    `token endpoint works again after 8 min: ${failedMints} failed mints, ${reader.seen.badReads} failed reads`,
  );

  await until(outageStart + 12);
  timeline.heading('An engineer forces a refresh.');
  timeline.say('action', 'aws lambda invoke --payload \'{"force":true}\'');
  await harness.invoke({ force: true });

  await until(outageStart + 16);
  timeline.heading('The OAuth client gets a new secret.');
  timeline.say('action', 'aws secretsmanager put-secret-value: the event mints at once');
  await harness.changeSecret();

  await until(outageStart + 20);
  await heartbeat.stop();
  await reader.stop();
  await reading;
  return {
    ...reader.seen,
    mints,
    failedMints,
    /** AWS calls that the synthesized policy refused. */
    deniedCalls: harness.aws.calls.filter(({ allowed }) => !allowed).length,
    /** Lines and statuses that hold a token or a client secret. */
    leaks: countLeaks(harness),
  };
}

/** Prints the result of the demonstration, and tells whether every check passed. */
function judge(
  {
    reads,
    badReads,
    leastRemainingSeconds,
    mints,
    failedMints,
    deniedCalls,
    leaks,
  }: Awaited<ReturnType<typeof playDemonstration>>,
  write: (line: string) => void,
): boolean {
  const count = Object.values(mints).reduce((sum, one) => sum + one, 0);
  const checks: [boolean, string][] = [
    [
      reads > 0 && badReads === 0,
      `${reads} reads, ${reads - badReads} gave a token that the server accepted`,
    ],
    [leastRemainingSeconds > 0, `least remaining life at a read: ${minutes(leastRemainingSeconds)}`],
    [
      ['no-token', 'age', 'forced', 'secret-changed'].every((reason) => (mints[reason] ?? 0) > 0),
      `${count} mints: ${Object.entries(mints)
        .map(([reason, times]) => `${times} ${reason}`)
        .join(', ')}`,
    ],
    [failedMints > 0, `${failedMints} failed mints during the outage`],
    [deniedCalls === 0, `${deniedCalls} AWS calls that the synthesized policy refused`],
    [leaks === 0, `${leaks} tokens or secrets in log lines or statuses`],
  ];
  write('');
  for (const [isGood, text] of checks) write(`${isGood ? '✓' : '✗'} ${text}`);
  return checks.every(([isGood]) => isGood);
}

function startHeartbeat(harness: Harness) {
  const beats = new Set<Promise<unknown>>();
  const beat = () => {
    // The function logs a failed mint. If the function is busy, the beat is lost, as in AWS.
    const running = harness.invoke().catch(() => undefined);
    beats.add(running);
    running.finally(() => beats.delete(running));
    return running;
  };
  const firstBeat = beat();
  const timer = setInterval(beat, harness.realMs(MINUTE));
  return {
    firstBeat,
    async stop() {
      clearInterval(timer);
      await Promise.all(beats);
    },
  };
}

/** A job that reads again and again, every 20 seconds of the fast clock. */
function createReader(harness: Harness, timeline: Timeline) {
  const seen = { reads: 0, badReads: 0, leastRemainingSeconds: Number.POSITIVE_INFINITY };
  let isRunning = true;
  let version = 0;
  const readOnce = async (): Promise<void> => {
    const found = await harness.read().catch((error: Error) => ({ problem: error.name }) as Partial<Read>);
    seen.reads += 1;
    if (found.expiresAt === undefined || found.version === undefined) {
      seen.badReads += 1;
      timeline.say('bad', `read: the token is ${found.problem}`);
      return;
    }
    const remaining = (found.expiresAt.getTime() - harness.now().getTime()) / 1000;
    seen.leastRemainingSeconds = Math.min(seen.leastRemainingSeconds, remaining);
    if (found.version !== version)
      timeline.say('read', `a job reads v${found.version}: accepted, ${minutes(remaining)} left`);
    version = found.version;
  };
  return {
    seen,
    version: () => version,
    async run() {
      while (isRunning) {
        await readOnce();
        await sleep(harness.realMs(MINUTE / 3));
      }
    },
    async stop() {
      isRunning = false;
    },
  };
}

function countLeaks(harness: Harness): number {
  const canaries = [...harness.tokens.keys(), ...harness.clientSecrets];
  const lines = harness.written().split('\n');
  return lines.filter((line) => canaries.some((canary) => line.includes(canary))).length;
}

function minutes(seconds: number): string {
  return `${(seconds / 60).toFixed(1)} min`;
}
