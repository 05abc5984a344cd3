import type { InvocationOutcome } from '../../local/aws/lambda.ts';
import { expectContract } from '../support/contract-file.ts';
import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { openReaderHarness, READ, REFRESH } from './support/reader-harness.ts';

/** Thirty runs of the script, on a machine that may have much else to do. */
const LIMIT_MS = 600_000;

/** A COMMAND that `exec` ran ends with a status that `access-token` does not have. */
const COMMAND_STATUS = 42;
const COMMAND = ['--', 'sh', '-c', `exit ${COMMAND_STATUS}`];
const VERBS: Readonly<Record<string, readonly string[]>> = {
  get: ['get'],
  'get --min-ttl 45m': ['get', '--min-ttl', '45m'],
  'exec --min-ttl 45m -- COMMAND': ['exec', '--min-ttl', '45m', ...COMMAND],
  'exec --min-ttl 45m --best-effort -- COMMAND': ['exec', '--min-ttl', '45m', '--best-effort', ...COMMAND],
  status: ['status'],
  doctor: ['doctor'],
};

type Statuses = Record<string, number | string | null>;

/** What a job may find. */
interface Situation {
  readonly lifeSeconds?: number;
  readonly isDenied?: boolean;
  /** What the refresher answers to a wish for more life. @default the stored token is the best there is */
  readonly refresher?: InvocationOutcome;
}

const BEST_THERE_IS = {
  payload: { outcome: 'still-fresh', reason: 'not-due', satisfied: false, tokenVersion: 1 },
};
const CANNOT_MINT = {
  failure: { errorType: 'TOKEN_REJECTED', errorMessage: 'The server refused the client.' },
};

const SITUATIONS: Readonly<Record<string, Situation>> = {
  'a token with an hour of life': { lifeSeconds: 3600 },
  'a token with ten minutes of life, and the refresher has no better one': { lifeSeconds: 600 },
  'a token that has expired, and the refresher cannot mint': { lifeSeconds: -60, refresher: CANNOT_MINT },
  'no parameter, and the refresher cannot mint': { refresher: CANNOT_MINT },
  'AWS refuses the reading': { lifeSeconds: 3600, isDenied: true },
};

async function statusesIn(situation: Situation): Promise<Statuses> {
  const { lifeSeconds, isDenied = false, refresher = BEST_THERE_IS } = situation;
  const harness = await openReaderHarness(findAwsClis()[0] as AwsCli);
  harness.endpoint.registerFunction({
    name: 'token-refresher-ci-genesys',
    invoke: async (event) =>
      'diagnose' in (event as object)
        ? { payload: { healthy: true, steps: [{ step: 'config', ok: true }] } }
        : refresher,
  });
  if (lifeSeconds !== undefined) {
    harness.storeToken('a-token');
    harness.storeStatus({ lifeSeconds });
  }
  const ended = await Promise.all(
    Object.entries(VERBS).map(async ([text, [verb = '', ...options]]) => {
      const policies = isDenied ? [REFRESH] : [READ, REFRESH];
      const { status } = await harness.job([verb, 'genesys', ...options], { policies });
      return [text, status === COMMAND_STATUS ? "COMMAND's" : status] as const;
    }),
  );
  await harness.close();
  return Object.fromEntries(ended);
}

test(
  'the exit statuses of access-token are those that a version promises',
  async () => {
    const contract: Record<string, Statuses> = {};

    for (const [name, situation] of Object.entries(SITUATIONS)) contract[name] = await statusesIn(situation);

    expectContract('access-token-exit-statuses.json', `${JSON.stringify(contract, null, 2)}\n`);
  },
  LIMIT_MS,
);
