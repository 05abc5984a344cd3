import { readdirSync } from 'node:fs';
import type { Template } from '../../local/cloud-assembly.ts';
import { synthesize } from '../../local/synthesized-function.ts';
import { synthesize as synthesizeApp } from '../../tools/packaging/fresh-app.ts';

/** Runs an example on the sources, as the CDK CLI runs an app. */
function synthesizeExample(file: string): Template {
  const nodeOptions = ['--conditions=token-refresher-source'];
  return synthesizeApp(process.execPath, `examples/${file}`, { cwd: '.', nodeOptions }) as Template;
}

const synthesized = new Map(readdirSync('examples').map((file) => [file, synthesizeExample(file)]));

test.each([...synthesized])('%s synthesizes', (file, made) => {
  const template = JSON.stringify(made);

  const tokens = [...template.matchAll(/"TOKEN_NAME":"(\w+)"/g)].map(([, name]) => name);

  expect(tokens).toEqual(file.startsWith('two-tokens') ? ['genesys', 'cxone'] : ['genesys']);
});

test('the construct in another app makes the same template as this app with the same configuration', () => {
  const tokens = [
    { name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1', secretName: 'ci/genesys-client' },
  ];
  const here = synthesize({ tokens, context: { stackName: 'SharedToken' } }).template;
  const there = synthesized.get('readers-in-another-account.ts') as Template;

  const idsOf = ({ Resources }: Template) =>
    Object.keys(Resources).filter((id) => id.startsWith('genesys') && !id.startsWith('genesysresources'));

  expect(idsOf(here).length).toBeGreaterThan(10);
  expect(idsOf(there)).toEqual(idsOf(here));
  // What was released keeps its names in this app's own stack: the function for deployments, and the alarms.
  const named = (resource: unknown) => {
    const text = JSON.stringify(resource).replace(/"AlarmName":"[^"]+",/, '');
    return JSON.parse(text.replace(/AWS679f\w+|(TokenRefresher)?DeploymentCalls\w+/g, 'Deployment'));
  };
  for (const id of idsOf(here)) expect(named(there.Resources[id])).toEqual(named(here.Resources[id]));
});
