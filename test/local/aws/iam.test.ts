import { readdir, readFile } from 'node:fs/promises';
import { isAllowed } from '../../../local/aws/iam.ts';

const principalArn = 'arn:aws:sts::111122223333:assumed-role/refresher/session';
const parameter = 'arn:aws:ssm:eu-central-1:111122223333:parameter/ci/a';
const allow = (more: object) => [
  {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'ssm:GetParameter', Resource: parameter, ...more }],
  },
];

test.each([
  ['the action and the resource fit', {}, true],
  ['the action is another', { Action: 'ssm:GetParameters' }, false],
  ['the action is a wildcard', { Action: 'ssm:Get*' }, true],
  ['the resource is another', { Resource: `${parameter}b` }, false],
  ['the resource is a wildcard', { Resource: 'arn:aws:ssm:*:*:parameter/ci/*' }, true],
  ['a condition fits', { Condition: { StringEquals: { 'aws:RequestedRegion': 'eu-central-1' } } }, true],
  [
    'a condition does not fit',
    { Condition: { StringEquals: { 'aws:RequestedRegion': 'us-east-1' } } },
    false,
  ],
  [
    'a condition asks for a key that is absent',
    { Condition: { StringEquals: { 'kms:ViaService': 'x' } } },
    false,
  ],
  [
    'a condition names the role of the session',
    { Condition: { ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/refresher' } } },
    true,
  ],
])('when %s, the request is decided accordingly', (_, more, expected) => {
  const request = {
    principalArn,
    action: 'ssm:GetParameter',
    resource: parameter,
    context: { 'aws:RequestedRegion': 'eu-central-1' },
  };

  expect(isAllowed(allow(more), request)).toBe(expected);
});

test('the AGPL evaluator is a development dependency that only local/aws/iam.ts imports', async () => {
  const { dependencies = {}, peerDependencies = {} } = JSON.parse(await readFile('package.json', 'utf8'));

  const importers: string[] = [];
  for (const folder of ['lambda', 'infra', 'ci', 'local', 'bench']) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = `${entry.parentPath}/${entry.name}`;
      if (entry.isFile() && (await readFile(path, 'utf8')).includes("from '@cloud-copilot/"))
        importers.push(path);
    }
  }

  const installed = Object.keys({ ...dependencies, ...peerDependencies });
  expect(installed.filter((name) => name.startsWith('@cloud-copilot/'))).toEqual([]);
  expect(importers).toEqual(['local/aws/iam.ts']);
});

test('nothing that is deployed imports from local', async () => {
  for (const folder of ['lambda', 'infra']) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      expect(await readFile(`${entry.parentPath}/${entry.name}`, 'utf8')).not.toMatch(
        /from '(\.\.\/)+local\//,
      );
    }
  }
});
