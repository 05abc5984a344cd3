import { readFileSync } from 'node:fs';
import type { Resource } from '../../local/cloud-assembly.ts';
import { FULL_TOKENS, SMALLEST, VPC_CONTEXT } from './full-configuration.ts';
import { stackOf } from './synthesized.ts';

type Resources = Readonly<Record<string, Resource>>;

/** A resource's type, and its properties that CloudFormation cannot change without replacing the resource. */
type Frozen = readonly [type: string, properties: Record<string, unknown>];

/**
 * The resources of commit e6503e4, the baseline of upgrades, by logical id. They are frozen: one that is missing or differs is
 * a deleted or replaced resource in the account of each user. Never write this file anew. `replacedBy` has the properties that
 * replace a resource, by type, of CloudFormation's specification.
 */
const { replacedBy: released, stacks } = JSON.parse(
  readFileSync('test/infra/released/e6503e4.json', 'utf8'),
) as {
  replacedBy: Record<string, readonly string[]>;
  stacks: Record<'default' | 'full', Record<string, Frozen>>;
};

const replacedBy: typeof released = { ...released, 'AWS::SecretsManager::RotationSchedule': ['SecretId'] };

function frozen({ Type, Properties = {} }: Resource): Frozen {
  const names = (replacedBy[Type] ?? []).filter((name) => name in Properties);
  return [Type, Object.fromEntries(names.map((name) => [name, Properties[name]]))];
}

/**
 * Policies of the readers' roles of commit e6503e4. IAM knows them by their names, which were the same in each region. An upgrade makes
 * new ones, under new ids. CloudFormation deletes these at the end, after the whole update has succeeded: no reader is denied, neither by
 * the upgrade nor by its rollback. They hold nothing.
 */
const LEAVING = [
  'genericReaderKey8da7080e1DB2EC7E',
  'genericresourcesReader0PolicyTokenRefreshergenericresourcesReader096B74F3C541BFBF6',
  'genesysresourcesReader0PolicyTokenRefreshergenesysresourcesReader010698CC8A7E8688F',
  'genesysresourcesReader1PolicyTokenRefreshergenesysresourcesReader17347ABFADD6FFB02',
];

test.each([
  ['default', stackOf(SMALLEST, {})],
  ['full', stackOf()],
] as const)(
  'an upgrade of the %s stack replaces no resource, and removes only policies that have successors',
  (name, { template }) => {
    const kept = Object.entries(stacks[name]).filter(([id]) => !LEAVING.includes(id));

    const after = kept.flatMap(([id]) => {
      const resource = template.Resources[id];
      return resource === undefined ? [] : [[id, frozen(resource)]];
    });

    expect(Object.fromEntries(after)).toEqual(Object.fromEntries(kept));
    // A new policy under an old id would be changed in place, before the update has succeeded.
    expect(LEAVING.filter((id) => id in template.Resources)).toEqual([]);
  },
);

const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/99999999-2222-4333-8444-555555555555';
const GENERIC: Record<string, unknown> = FULL_TOKENS.find(({ name }) => name === 'generic') ?? {};
const READERS = GENERIC.readers as unknown[];
const OTHER_VPC = 'vpc-0fedcba9876543210';
const VPCS = JSON.stringify(VPC_CONTEXT);
const CONTEXT = { ...VPC_CONTEXT, ...JSON.parse(VPCS.replaceAll(String(GENERIC.vpcId), OTHER_VPC)) };

/** Changes of one token, by their rows in docs/stack.md. An absent setting is undefined. */
const CHANGES: [row: string, change: object, before?: object][] = [
  ['another `name`', { name: 'renamed' }, { ...GENERIC, retainParameters: false }],
  ['another `prefix`', { prefix: '/new' }, { ...GENERIC, retainParameters: false }],
  ['another `prefix`, with `retainParameters`', { prefix: '/new' }],
  ['another `encryptionKeyArn`', { encryptionKeyArn: KEY }],
  ['another `secretName` or `secretArn`', { secretArn: undefined, secretName: 'ci/other' }],
  ['no `secretName` or `secretArn` any more', { secretArn: undefined }],
  [
    'a first `secretName` or `secretArn`',
    { secretArn: GENERIC.secretArn },
    { ...GENERIC, secretArn: undefined },
  ],
  ['`readers`: one is added', { readers: ['arn:aws:iam::111122223333:role/a', ...READERS] }],
  ['`readers`: a role of this account is removed', { readers: READERS.slice(1) }],
  ['`readers`: the last of other accounts and by OIDC is removed', { readers: READERS.slice(0, 1) }],
  ['another `vpcId`', { vpcId: OTHER_VPC }],
  ['no `vpcId` any more', { vpcId: undefined }],
  ['a first `securityGroupIds`', { securityGroupIds: ['sg-01234567'] }],
  [
    'another `alarmEmail`',
    { alarmEmail: 'b@example.com' },
    { ...GENERIC, alarmTopicArn: undefined, alarmEmail: 'a@example.com' },
  ],
  ['no `rotation` any more', { rotation: undefined }, { ...FULL_TOKENS[0] }],
  [
    'all other settings',
    {
      ...{ issuer: 'https://other.example.com', refreshInterval: 21, expectedLifetime: 121 },
      ...{ assumedLifetime: 31, longestJob: 91, reservedConcurrency: 0, secretEncryptionKeyArn: KEY },
      ...{ subnetIds: ['subnet-0123456789abcde00'], tags: { a: 'b' }, logRetention: 365 },
      ...{ logEncryptionKeyArn: KEY, runbookUrl: 'https://example.com/runbook' },
      ...{ alarmTopicArn: 'arn:aws:sns:eu-central-1:111122223333:other' },
      ...{ adoptParameters: false, retainParameters: false },
    },
  ],
];

function resourcesOf(token: object): Resources {
  return stackOf([token], CONTEXT).template.Resources;
}

/** What is replaced, deleted and kept, by type. A resource whose create-only property refers to a replaced one is replaced too. */
function effectOf(before: Resources, after: Resources): string {
  const replaced = new Set<string>();
  const isReplaced = (id: string) => {
    const [old, now] = [before[id], after[id]].map((one) => JSON.stringify(one && frozen(one)));
    return old !== now || [...replaced].some((other) => now?.includes(`"${other}"`));
  };
  const common = Object.keys(before).filter((id) => id in after);
  for (let known = -1; known < replaced.size; ) {
    known = replaced.size;
    for (const id of common.filter(isReplaced)) replaced.add(id);
  }
  const gone = Object.keys(before).filter((id) => !(id in after));
  const isKept = (id: string) => /^Retain/.test(before[id]?.DeletionPolicy ?? '');
  const types = (ids: readonly string[]) =>
    [...new Set(ids.map((id) => `\`${before[id]?.Type.replace('AWS::', '')}\``))].sort().join(', ') || '–';
  return [[...replaced], gone.filter((id) => !isKept(id)), gone.filter(isKept)].map(types).join(' | ');
}

test.each(CHANGES)(
  'docs/stack.md says what is replaced, deleted and kept by a change: %s',
  (row, change, before = GENERIC) => {
    const page = readFileSync('docs/stack.md', 'utf8');

    const effect = effectOf(resourcesOf(before), resourcesOf({ ...before, ...change }));

    expect(page.split('\n').find((line) => line.startsWith(`| ${row} |`))).toContain(
      `| ${row} | ${effect} |`,
    );
  },
);

/*
 * CloudFormation creates and updates in the order of the dependencies, and deletes at the end what the new template does not
 * have. The first mint encrypts the token with the new key; if it fails, the update stops there, and the token stays as it is.
 */
test.each([
  ['another key', GENERIC.encryptionKeyArn, KEY],
  ['AWS’s key', KEY, undefined],
  ['a first key of its own', undefined, KEY],
])('denies neither the readers nor the function at any step of the update to %s', (_, oldKey, newKey) => {
  const [before = {}, after = {}] = [oldKey, newKey].map((encryptionKeyArn) =>
    resourcesOf({ ...GENERIC, encryptionKeyArn }),
  );
  const [old, added] = [policiesNaming(before, oldKey), policiesNaming(after, newKey)];

  // One for the reader of this account, one for the reader role, one for the function.
  expect([old.length, added.length]).toEqual([oldKey ? 3 : 0, newKey ? 3 : 0]);
  // The old permissions stay until all else is done: none of them is changed in place.
  expect(old.filter((id) => id in after)).toEqual([]);
  // The new ones are there before the function has the key, and before the mint.
  const [firstMint = ''] = idsOf(after, ({ Type }) => Type === 'Custom::FirstMint');
  const fn = String(Object(after[firstMint]?.Properties?.FunctionName).Ref);
  expect(added.filter((id) => !waitsFor(after, fn, id))).toEqual([]);
  expect(waitsFor(after, firstMint, fn)).toBe(true);
  // With another prefix the update fails in the first mint if no token can be minted: until then readers have the old place.
  const readers = policiesNaming(after, 'ssm:GetParameter","ssm:GetParameters');
  expect(readers).toHaveLength(2);
  expect(readers.filter((id) => !waitsFor(after, id, firstMint))).toEqual([]);
});

test('lets Lambda leave a VPC before it takes the permissions for that away', () => {
  const [before = {}, after = {}] = [GENERIC, { ...GENERIC, vpcId: undefined }].map(resourcesOf);
  const gone = policiesNaming(before, 'ec2:CreateNetworkInterface');
  const [policy = ''] = gone.filter((id) => !/Denied/.test(id));
  const users = idsOf(before, ({ Type }) => /SecurityGroup$|Lambda::Function$/.test(Type));

  // Nothing is taken away in place, and nothing in the VPC outlives the policy.
  expect(gone).toHaveLength(2);
  expect(gone.filter((id) => id in after)).toEqual([]);
  expect(users.filter((id) => !waitsFor(before, id, policy))).toEqual([
    'AWS679f53fac002430cb0da5b7982bd22872D164C4C',
  ]);
});

function idsOf(resources: Resources, is: (resource: Resource) => boolean): string[] {
  return Object.entries(resources).flatMap(([id, resource]) => (is(resource) ? [id] : []));
}

/** The policies that allow or deny anything with this. */
function policiesNaming(resources: Resources, what: unknown): string[] {
  return idsOf(
    resources,
    ({ Type, Properties }) => Type === 'AWS::IAM::Policy' && JSON.stringify(Properties).includes(`"${what}"`),
  );
}

/** Whether a resource is created after another: it names it, or one that does. */
function waitsFor(resources: Resources, id: string, other: string): boolean {
  const named = Object.keys(resources).filter(
    (one) => one !== id && JSON.stringify(resources[id]).includes(`"${one}"`),
  );
  return named.includes(other) || named.some((one) => waitsFor(resources, one, other));
}
