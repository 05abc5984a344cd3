import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, globSync, readFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPythonTools } from './e2e/server-process.ts';
import { synthesizeTemplates } from './templates.ts';

// Scans the template of the smallest stack and that of one that uses every setting, with checkov (PyPI) and with AWS Control
// Tower's proactive controls for CloudFormation Guard (npm), both of which it installs beside the project at the first run. Each
// rule that finds something has to be in the table of docs/stack.md, with its reason, and each rule there has to find something.
const CONTROL_TOWER_RULES = '0.0.62';

const tools = fileURLToPath(new URL('../.venv', import.meta.url));
const checkov = join(installPythonTools('checkov'), 'checkov');

const found = new Set(
  synthesizeTemplates().flatMap((template) => [...scanWithCheckov(template), ...scanWithGuard(template)]),
);
const page = readFileSync(new URL('../docs/stack.md', import.meta.url), 'utf8');
const explained = new Set([...page.matchAll(/^\| `(CKV_\w+|\w+_check)` \|/gm)].map(([, rule = '']) => rule));
const unexplained = [...found].filter((rule) => !explained.has(rule));
const outdated = [...explained].filter((rule) => !found.has(rule));
if (unexplained.length > 0) console.error(`not in docs/stack.md: ${unexplained.join(', ')}`);
if (outdated.length > 0) console.error(`in docs/stack.md, but finds nothing: ${outdated.join(', ')}`);
console.log(`checkov, Control Tower: ${found.size} rules with findings, ${explained.size} explained`);
process.exitCode = unexplained.length + outdated.length === 0 ? 0 : 1;

function scanWithCheckov(template: string): string[] {
  const args = ['--file', template, '--framework', 'cloudformation', '--output', 'json', '--skip-download'];
  const checks: { check_id: string }[] = JSON.parse(outputOf(checkov, [...args, '--quiet'])).results
    .failed_checks;
  return checks.map(({ check_id }) => check_id);
}

function scanWithGuard(template: string): string[] {
  const environment = join(tools, `control-tower-rules-${CONTROL_TOWER_RULES}`);
  const packed = join(environment, 'node_modules/@cdklabs/cdk-validator-cfnguard');
  if (!existsSync(packed)) {
    const wanted = `@cdklabs/cdk-validator-cfnguard@${CONTROL_TOWER_RULES}`;
    const npm = ['install', '--prefix', environment, '--no-save', '--ignore-scripts', '--legacy-peer-deps'];
    execFileSync('npm', [...npm, wanted], { stdio: 'inherit' });
  }
  const system = platform() === 'darwin' ? 'macos' : 'ubuntu';
  const machine = arch() === 'arm64' ? 'aarch64' : 'x86_64';
  const [guard = ''] = globSync(join(packed, 'bin', system, machine, '**/cfn-guard'));
  chmodSync(guard, 0o755);
  const rules = join(packed, 'rules/control-tower/cfn-guard');
  const args = ['validate', '--rules', rules, '--data', template, '--output-format', 'json'];
  const reports: { not_compliant: { Rule: { name: string } }[] }[] = JSON.parse(
    outputOf(guard, [...args, '--structured', '--show-summary', 'none']),
  );
  return reports.flatMap(({ not_compliant }) => not_compliant.map(({ Rule }) => Rule.name));
}

/** Both scanners end with an error where they find something. */
function outputOf(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (stdout.trim() === '') throw new Error(`${command} printed nothing: ${stderr}`);
  return stdout;
}
