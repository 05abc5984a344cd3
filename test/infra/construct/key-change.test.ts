import type { Resource, Template } from '../../../local/cloud-assembly.ts';
import { synthesize } from '../../../local/synthesized-function.ts';
import { FULL_TOKENS, TARGET, VPC_CONTEXT } from '../full-configuration.ts';

const [GENERIC] = FULL_TOKENS.filter(({ name }) => name === 'generic');
const OLD_KEY = GENERIC?.encryptionKeyArn;
const NEW_KEY = 'arn:aws:kms:eu-central-1:111122223333:key/99999999-2222-4333-8444-555555555555';

/*
 * CloudFormation creates and updates in the order of the dependencies, and deletes at the end what the new template does not
 * have. The first mint encrypts the token with the new key; if it fails, the update stops there, and the token stays as it is.
 */
test.each([
  ['another key', OLD_KEY, NEW_KEY],
  ['AWS’s key', OLD_KEY, undefined],
  ['a first key of its own', undefined, OLD_KEY],
])('denies neither the readers nor the function at any step of the update to %s', (_, oldKey, newKey) => {
  const [before, after] = [templateWith(oldKey), templateWith(newKey)];
  const [old, added] = [keyPolicies(before, oldKey), keyPolicies(after, newKey)];

  // One for the reader of this account, one for the reader role, one for the function.
  expect([old.length, added.length]).toEqual([oldKey ? 3 : 0, newKey ? 3 : 0]);
  // The old permissions stay until all else is done: none of them is changed in place.
  expect(old.filter((id) => id in after.Resources)).toEqual([]);
  // The new ones are there before the function has the key, and before the mint.
  expect(added.filter((id) => !waitsFor(after, functionOf(after), id))).toEqual([]);
  expect(waitsFor(after, firstMintOf(after), functionOf(after))).toBe(true);
});

// With another prefix the update fails in the first mint if no token can be minted: until then readers have the old place.
test('lets readers read another place only after a token is there', () => {
  const template = templateWith(OLD_KEY);

  const readers = idsOf(
    template,
    ({ Type, Properties }) =>
      Type === 'AWS::IAM::Policy' &&
      JSON.stringify(Properties).includes('"ssm:GetParameter","ssm:GetParameters"'),
  );

  // Of the reader of this account, and of the reader role.
  expect(readers).toHaveLength(2);
  expect(readers.filter((id) => !waitsFor(template, id, firstMintOf(template)))).toEqual([]);
});

test('lets Lambda leave a VPC before it takes the permissions for that away', () => {
  const { vpcId: _, ...outside } = GENERIC ?? {};
  const [before, after] = [templateOf(GENERIC ?? {}), templateOf(outside)];
  const roles = Object.values(before.Resources).filter(({ Type }) => Type === 'AWS::IAM::Role');
  const gone = idsOf(before, ({ Properties }) =>
    JSON.stringify(Properties).includes('ec2:CreateNetworkInterface'),
  );
  const [policy = ''] = gone.filter((id) => !/Denied/.test(id));
  const users = idsOf(before, ({ Type }) => /SecurityGroup$|Lambda::Function$/.test(Type));

  expect(gone.filter((id) => id in after.Resources)).toEqual([]);
  // Nothing is taken away in place, and nothing in the VPC outlives the policy.
  expect(JSON.stringify(roles)).not.toContain('ec2:');
  expect(users.filter((id) => !waitsFor(before, id, policy))).toEqual([
    'AWS679f53fac002430cb0da5b7982bd22872D164C4C',
  ]);
});

function templateWith(encryptionKeyArn: string | undefined): Template {
  const { encryptionKeyArn: _, ...token } = GENERIC ?? {};
  return templateOf({ ...token, ...(encryptionKeyArn === undefined ? {} : { encryptionKeyArn }) });
}

function templateOf(token: object): Template {
  return synthesize({ tokens: [token], context: VPC_CONTEXT, target: TARGET }).template;
}

function idsOf({ Resources }: Template, is: (resource: Resource) => boolean): string[] {
  return Object.keys(Resources).filter((id) => Resources[id] !== undefined && is(Resources[id]));
}

/** The policies that allow anything with a key. */
function keyPolicies(template: Template, key: string | undefined): string[] {
  return idsOf(
    template,
    ({ Type, Properties }) =>
      Type === 'AWS::IAM::Policy' && key !== undefined && JSON.stringify(Properties).includes(key),
  );
}

function firstMintOf(template: Template): string {
  return idsOf(template, ({ Type }) => Type === 'Custom::FirstMint')[0] ?? '';
}

function functionOf(template: Template): string {
  const { Properties } = template.Resources[firstMintOf(template)] ?? {};
  return String(Object(Properties?.FunctionName).Ref);
}

/** Whether a resource is created after another: it names it, or one that does. */
function waitsFor({ Resources }: Template, id: string, other: string): boolean {
  const named = Object.keys(Resources).filter(
    (one) => one !== id && JSON.stringify(Resources[id]).includes(`"${one}"`),
  );
  return named.includes(other) || named.some((one) => waitsFor({ Resources }, one, other));
}
