import { expectContract } from '../support/contract-file.ts';
import { type AccountContent, installStandIn } from './support/aws-stand-in.ts';
import { run } from './support/process.ts';
import { SCRIPT } from './support/reader-harness.ts';

/** A COMMAND that `exec` ran ends with a status that `access-token` does not have. */
const COMMAND_STATUS = 42;
const COMMAND = ['--', 'sh', '-c', `exit ${COMMAND_STATUS}`];
const VERBS: Readonly<Record<string, readonly string[]>> = {
  get: ['get'],
  'get --min-ttl 45m': ['get', '--min-ttl', '45m'],
  'get --min-ttl 45m --json': ['get', '--min-ttl', '45m', '--json'],
  'exec --min-ttl 45m -- COMMAND': ['exec', '--min-ttl', '45m', ...COMMAND],
  'exec --min-ttl 45m --best-effort -- COMMAND': ['exec', '--min-ttl', '45m', '--best-effort', ...COMMAND],
  status: ['status'],
  doctor: ['doctor'],
};

type Statuses = Record<string, number | string | null>;

/** The account in which a job finds a token with this life, and whose refresher has no better one. */
function accountWith(lifeSeconds: number, more: Partial<AccountContent> = {}): AccountContent {
  const expiresAtEpoch = Math.floor(Date.now() / 1000) + lifeSeconds;
  return {
    token: 'a-token',
    version: 1,
    status: JSON.stringify({ schemaVersion: 1, tokenVersion: 1, expiresAtEpoch }),
    payload:
      '{"outcome":"still-fresh","satisfied":false,"tokenVersion":1,"steps":[{"step":"config","ok":true}]}',
    ...more,
  };
}

const CANNOT_MINT = {
  payload: '{"errorType":"TOKEN_REJECTED","errorMessage":"The server refused the client."}',
  functionError: 'Unhandled',
} as const;

const SITUATIONS: Readonly<Record<string, () => AccountContent>> = {
  'a token with an hour of life': () => accountWith(3600),
  'a token with ten minutes of life, and the refresher has no better one': () => accountWith(600),
  'a token that has expired, and the refresher cannot mint': () => accountWith(-60, CANNOT_MINT),
  'no parameter, and the refresher cannot mint': () =>
    accountWith(3600, { ...CANNOT_MINT, token: null, version: null, status: null }),
  'AWS refuses the reading': () =>
    accountWith(3600, { readError: { code: 'AccessDeniedException', message: 'You may not.' } }),
};

test('the exit statuses of access-token are those that a version promises', async () => {
  const standIn = installStandIn();
  const env = { PATH: `${standIn.directory}:${process.env.PATH}`, AWS_REGION: 'eu-central-1' };
  const contract: Record<string, Statuses> = {};

  for (const [situation, account] of Object.entries(SITUATIONS)) {
    const statuses: Statuses = {};
    for (const [text, [verb = '', ...options]] of Object.entries(VERBS)) {
      standIn.serve(account());
      const { status } = await run(['sh', SCRIPT, verb, 'genesys', ...options], { env });
      statuses[text] = status === COMMAND_STATUS ? "COMMAND's" : status;
    }
    contract[situation] = statuses;
  }
  standIn.remove();

  expectContract('access-token-exit-statuses.json', `${JSON.stringify(contract, null, 2)}\n`);
});
