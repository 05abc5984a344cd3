import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from '../../local/cloud-assembly.ts';
import { synthesize } from '../../local/synthesized-function.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';

const EXAMPLES = readdirSync('examples').sort();
const { context } = JSON.parse(readFileSync('cdk.json', 'utf8'));

/** Runs an example on the sources, as the CDK CLI runs an app. */
function synthesizeExample(file: string): Template {
  const directory = temporaryDirectory();
  execFileSync(process.execPath, ['--conditions=token-refresher-source', join('examples', file)], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      CDK_OUTDIR: directory,
      CDK_CONTEXT_JSON: JSON.stringify(context),
    },
    stdio: 'pipe',
  });
  const [template = ''] = readdirSync(directory).filter((name) => name.endsWith('.template.json'));
  return JSON.parse(readFileSync(join(directory, template), 'utf8'));
}

/** The function's resource of each token, by the token's name. */
function functionsOf({ Resources }: Template) {
  return Object.entries(Resources).flatMap(([logicalId, { Type, Properties }]) => {
    const environment = Properties?.Environment as { Variables?: { TOKEN_NAME?: string } } | undefined;
    const tokenName = environment?.Variables?.TOKEN_NAME;
    return Type === 'AWS::Lambda::Function' && tokenName ? [{ logicalId, tokenName, Properties }] : [];
  });
}

test.each(EXAMPLES)('%s synthesizes', (file) => {
  const template = synthesizeExample(file);

  const tokens = functionsOf(template).map(({ tokenName }) => tokenName);

  expect(tokens).toEqual(file.startsWith('two-tokens') ? ['genesys', 'cxone'] : ['genesys']);
});

test('the construct in another app makes the same template as this app with the same configuration', () => {
  const tokens = [
    { name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1', secretName: 'ci/genesys-client' },
  ];
  const here = synthesize({ tokens, context: { stackName: 'SharedToken' } }).template;
  const there = synthesizeExample('readers-in-another-account.ts');

  const idsOf = ({ Resources }: Template) =>
    Object.keys(Resources).filter((id) => id.startsWith('genesys') && !id.startsWith('genesysresources'));

  expect(idsOf(here).length).toBeGreaterThan(10);
  expect(idsOf(there)).toEqual(idsOf(here));
  for (const id of idsOf(here)) expect(there.Resources[id]).toEqual(here.Resources[id]);
});
