/*
 * Holds what `npm run e2e` upgrades, e2e/released-app.tar.gz, to the commit that it comes from:
 *
 *   node prove/released-app.ts            synthesizes the commit's app with the commit's dependencies, and compares every file
 *   node prove/released-app.ts --write    writes the archive
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { RELEASED } from '../e2e/released-app.ts';

const directory = mkdtempSync(join(tmpdir(), 'released-app-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const [app, assembly, archived] = ['app', 'assembly', 'archived'].map((name) => join(directory, name)) as [
  string,
  string,
  string,
];

function run(command: string, args: readonly string[], cwd?: string): void {
  const bin = cwd === undefined ? [] : [join(cwd, 'node_modules/.bin')];
  const env = { ...process.env, PATH: [...bin, process.env.PATH].join(delimiter) };
  execFileSync(command, args, { cwd, env, stdio: 'inherit' });
}

/** Removes reports and stack traces, which contain the paths of this machine. */
function keepWhatIsDeployed(directory: string): void {
  const file = join(directory, 'manifest.json');
  const { version, artifacts } = JSON.parse(readFileSync(file, 'utf8'));
  const { additionalMetadataFile: _, ...stack } = artifacts[RELEASED.stackName];
  const kept = {
    [`${RELEASED.stackName}.assets`]: artifacts[`${RELEASED.stackName}.assets`],
    [RELEASED.stackName]: stack,
  };
  writeFileSync(file, JSON.stringify({ version, artifacts: kept }, null, 1));
  for (const name of readdirSync(directory)) {
    if (!/^(asset\.|cdk\.out$|manifest\.json$)|\.(assets|template)\.json$/.test(name))
      rmSync(join(directory, name));
  }
}

mkdirSync(app);
run('sh', ['-c', `git archive ${RELEASED.commit} | tar -x -C "$1"`, 'sh', app]);
run('npm', ['ci', '--silent'], app);
const { stackName, token } = RELEASED;
const context = ['-c', `stackName=${stackName}`, '-c', `tokens=${JSON.stringify([token])}`];
run('cdk', ['synth', '--quiet', '--no-notices', '--output', assembly, ...context], app);
keepWhatIsDeployed(assembly);

if (process.argv.includes('--write')) {
  const tar = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  run('tar', ['-czf', RELEASED.archive, ...tar, '-C', assembly, '.']);
} else {
  mkdirSync(archived);
  run('tar', ['-xzf', RELEASED.archive, '-C', archived]);
  // Ends with 1 and prints what differs.
  run('diff', ['-r', archived, assembly]);
  console.log(`${RELEASED.archive} is what the app of ${RELEASED.commit} synthesizes.`);
}
