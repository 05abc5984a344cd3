/**
 * Holds an emulator that others wrote to the same contract as our endpoint: `npm run contract`.
 *
 * Takes a running endpoint from CONTRACT_ENDPOINT_URL, or installs a pinned moto under .venv/ and starts it on a
 * loopback port. Prints each check; exits 1 when one fails that is not a known gap, or a known gap is none any more.
 */
import { startMoto } from '../../../e2e/moto.ts';
import { connectContract } from './contract-check.ts';
import { motoGaps } from './moto-gaps.ts';
import { secretsManagerContract } from './secrets-manager-contract.ts';
import { ssmContract } from './ssm-contract.ts';

const given = process.env.CONTRACT_ENDPOINT_URL;
const emulator = given === undefined ? await startMoto(new AbortController().signal) : undefined;
try {
  process.exitCode = await runContract(given ?? emulator?.url ?? '');
} finally {
  await emulator?.stop();
}

async function runContract(url: string): Promise<number> {
  const clients = connectContract({
    url,
    credentials: { accessKeyId: 'contract', secretAccessKey: 'contract' },
  });
  let unexpected = 0;
  for (const [service, checks] of Object.entries({
    ssm: ssmContract,
    'secrets-manager': secretsManagerContract,
  })) {
    for (const { name, run } of checks) {
      const gap = motoGaps[name];
      const problem = await run(clients).then(
        () => undefined,
        (error: Error) => error.message.split('\n')[0] ?? error.name,
      );
      if ((problem === undefined) !== (gap === undefined)) unexpected += 1;
      console.log(`${verdict(problem, gap)}  ${service}: ${name}`);
    }
  }
  clients.destroy();
  console.log(unexpected === 0 ? 'contract: as expected' : `contract: ${unexpected} unexpected`);
  return unexpected === 0 ? 0 : 1;
}

function verdict(problem: string | undefined, gap: string | undefined): string {
  if (problem === undefined) return gap === undefined ? 'ok       ' : 'NO GAP   ';
  return gap === undefined ? `FAILED    (${problem})` : `known gap (${gap})`;
}
