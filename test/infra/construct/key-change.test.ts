import { isAllowed } from '../../../local/aws/iam.ts';
import type { Template } from '../../../local/cloud-assembly.ts';
import { synthesize } from '../../../local/synthesized-function.ts';
import { FULL_TOKENS, TARGET, VPC_CONTEXT } from '../full-configuration.ts';
import { KEY_POLICY } from '../key-policy.ts';

const [GENERIC] = FULL_TOKENS.filter(({ name }) => name === 'generic');
const OLD_KEY = GENERIC?.encryptionKeyArn;
const NEW_KEY = 'arn:aws:kms:eu-central-1:111122223333:key/99999999-2222-4333-8444-555555555555';
const READER = 'generic-build';
const TOKEN_ARN = 'parameter/team/ci/generic/access-token';

test.each([
  ['another key', stackWith(OLD_KEY), OLD_KEY, NEW_KEY],
  ['AWS’s key', stackWith(OLD_KEY), OLD_KEY, undefined],
  ['a first key of its own', stackWith(undefined), undefined, OLD_KEY],
])('denies no reader at any step of the update to %s', (_, before, oldKey, newKey) => {
  const after = stackWith(newKey);

  const plays = [update(before, after, 'as early as possible'), update(before, after, 'as late as possible')];

  for (const { steps, mintAt } of plays) {
    expect(mintAt).toBeGreaterThan(0);
    // The first mint fails: the update stops there, and the token stays as it is.
    for (const policies of steps.slice(0, mintAt + 1)) expect(mayDecrypt(policies, oldKey)).toBe(true);
    // It succeeds, and the token is encrypted anew.
    for (const policies of steps.slice(mintAt)) expect(mayDecrypt(policies, newKey)).toBe(true);
  }
});

test('removes the old key’s permission when the update is done', () => {
  const { steps } = update(stackWith(OLD_KEY), stackWith(NEW_KEY), 'as early as possible');

  expect(mayDecrypt(steps.at(-1) ?? [], OLD_KEY)).toBe(false);
});

function stackWith(encryptionKeyArn: string | undefined): Template {
  const { encryptionKeyArn: _, ...token } = GENERIC ?? {};
  const tokens = [{ ...token, ...(encryptionKeyArn === undefined ? {} : { encryptionKeyArn }) }];
  return synthesize({ tokens, context: VPC_CONTEXT, target: TARGET }).template;
}

type Policies = readonly Record<string, unknown>[];

/**
 * Plays what CloudFormation does: creates and updates in the order of dependencies, then deletes what is gone. Where the
 * dependencies leave the choice, the reader's policies come early or late.
 *
 * @returns the policies that the reader has after each step, and the step of the first mint
 */
function update(
  before: Template,
  after: Template,
  readers: 'as early as possible' | 'as late as possible',
): { steps: Policies[]; mintAt: number } {
  const state = { ...before.Resources };
  const steps: Policies[] = [];
  let mintAt = -1;
  const step = () => {
    const own = Object.values(state).filter(
      ({ Type, Properties }) =>
        Type === 'AWS::IAM::Policy' && JSON.stringify(Properties?.Roles).includes(READER),
    );
    steps.push(own.map(({ Properties }) => Properties?.PolicyDocument as Record<string, unknown>));
  };
  step();
  const isReaders = (id: string) => JSON.stringify(after.Resources[id]).includes(READER);
  for (const id of inOrder(after, (id) => isReaders(id) === (readers === 'as early as possible'))) {
    const resource = after.Resources[id];
    if (resource === undefined) continue;
    state[id] = resource;
    step();
    if (resource.Type === 'Custom::FirstMint') mintAt = steps.length - 1;
  }
  for (const id of Object.keys(before.Resources)) {
    if (id in after.Resources) continue;
    delete state[id];
    step();
  }
  return { steps, mintAt };
}

function inOrder({ Resources }: Template, isPreferred: (id: string) => boolean): string[] {
  const done: string[] = [];
  const waiting = new Set(Object.keys(Resources));
  while (waiting.size > 0) {
    const free = [...waiting].filter((id) =>
      dependenciesOf(Resources[id], waiting).every((one) => one === id),
    );
    const next = free.find(isPreferred) ?? free[0];
    if (next === undefined) throw new Error('The template has a circle of dependencies.');
    waiting.delete(next);
    done.push(next);
  }
  return done;
}

function dependenciesOf(resource: unknown, among: ReadonlySet<string>): string[] {
  const text = JSON.stringify(resource);
  return [...among].filter((id) => text.includes(`"${id}"`));
}

function mayDecrypt(policies: Policies, key: string | undefined): boolean {
  // AWS's own key needs no permission.
  if (key === undefined) return true;
  const resolved = JSON.parse(
    JSON.stringify(policies)
      .replaceAll('{"Ref":"AWS::Partition"}', '"aws"')
      .replaceAll('{"Ref":"AWS::AccountId"}', '"111122223333"'),
    (_, value) => {
      if (value?.['Fn::Join']) return value['Fn::Join'][1].join('');
      return value?.['Fn::GetAtt'] ? value['Fn::GetAtt'].join('.') : value;
    },
  );
  return isAllowed(resolved, {
    action: 'kms:Decrypt',
    resource: key,
    principalArn: `arn:aws:sts::111122223333:assumed-role/${READER}/job`,
    context: {
      'kms:ViaService': 'ssm.eu-central-1.amazonaws.com',
      'kms:EncryptionContext:PARAMETER_ARN': `arn:aws:ssm:eu-central-1:111122223333:${TOKEN_ARN}`,
    },
    resourcePolicy: KEY_POLICY,
  });
}
