/**
 * Holds an emulator that others wrote to the same contract as our endpoint: `npm run contract`.
 *
 * Takes a running endpoint from CONTRACT_ENDPOINT_URL, or installs a pinned moto under .venv/ and starts it on a
 * loopback port. Prints each check; exits 1 when one fails that is not a known gap, or a known gap is none any more.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { connectContract } from './contract-check.ts';
import { motoGaps } from './moto-gaps.ts';
import { secretsManagerContract } from './secrets-manager-contract.ts';
import { ssmContract } from './ssm-contract.ts';

const motoVersion = '5.2.5';
const venv = `.venv/moto-${motoVersion}`;

const given = process.env.CONTRACT_ENDPOINT_URL;
const emulator = given === undefined ? await startMoto() : undefined;
try {
  process.exitCode = await runContract(given ?? emulator?.url ?? '');
} finally {
  emulator?.child.kill();
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

async function startMoto(): Promise<{ url: string; child: ChildProcess }> {
  if (!existsSync(`${venv}/bin/moto_server`)) {
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
    execFileSync(`${venv}/bin/pip`, ['install', '--quiet', `moto[server]==${motoVersion}`], {
      stdio: 'inherit',
    });
  }
  const child = spawn(`${venv}/bin/moto_server`, ['-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines = createInterface({ input: child.stderr });
  for await (const line of lines) {
    const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (url === undefined) continue;
    // Read on, so that the pipe does not fill up.
    child.stderr.resume();
    return { url, child };
  }
  await once(child, 'close');
  throw new Error('moto_server did not start');
}
