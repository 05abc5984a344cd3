import { expectContract } from '../support/contract-file.ts';
import { type AccountContent, accountContent, installStandIn } from './support/aws-stand-in.ts';

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

const CANNOT_MINT = {
  payload: '{"errorType":"TOKEN_REJECTED","errorMessage":"The server refused the client."}',
  functionError: 'Unhandled',
} as const;

const SITUATIONS: Readonly<Record<string, () => AccountContent>> = {
  'a token with an hour of life': () => accountContent({}, 3600),
  'a token with ten minutes of life, and the refresher has no better one': () => accountContent({}, 600),
  'a token that has expired, and the refresher cannot mint': () => accountContent(CANNOT_MINT, -60),
  'no parameter, and the refresher cannot mint': () =>
    accountContent({ ...CANNOT_MINT, token: null, version: null, status: null }),
  'AWS refuses the reading': () =>
    accountContent({ readError: { code: 'AccessDeniedException', message: 'You may not.' } }),
};

test('the exit statuses of access-token are those that a version promises', async () => {
  const standIn = installStandIn();
  const contract: Record<string, Statuses> = {};

  for (const [situation, account] of Object.entries(SITUATIONS)) {
    const statuses: Statuses = {};
    for (const [text, [verb = '', ...options]] of Object.entries(VERBS)) {
      standIn.serve(account());
      const { status } = await standIn.job([verb, 'genesys', ...options]);
      statuses[text] = status === COMMAND_STATUS ? "COMMAND's" : status;
    }
    contract[situation] = statuses;
  }
  standIn.remove();

  expectContract('access-token-exit-statuses.json', `${JSON.stringify(contract, null, 2)}\n`);
});
