import { openHarness } from '../../local/harness.ts';
import type { SynthesizedFunction } from '../../local/synthesized-function.ts';

/** What Lambda itself does with the function's role; no code of ours makes these calls. */
const BY_LAMBDA = ['logs:CreateLogStream', 'logs:PutLogEvents'];

test('the function makes each call that it is allowed, and none that it is not', async () => {
  const harness = await openHarness({
    token: ({ aws }) => ({ encryptionKeyArn: aws.kms.addKey().arn, tags: { team: 'contact-centre' } }),
  });
  try {
    // A first token, the use of it that keeps it alive, and one that needs the advanced tier.
    await harness.invoke({});
    harness.advance(5 * 60_000);
    await harness.invoke({});
    harness.authorizationServer.faults.always('probe', {
      kind: 'answer',
      status: 200,
      headers: {},
      body: '{}',
    });
    harness.authorizationServer.faults.always('token', {
      kind: 'rewrite',
      rewrite: (body) => ({ ...body, access_token: 'x'.repeat(5_000) }),
    });
    harness.advance(50 * 60_000);
    await harness.invoke({});
    await harness.invoke({ diagnose: true });

    const own = harness.aws.calls.filter(({ principal }) => principal.endsWith(`/${harness.fn.name}`));
    expect(own.filter(({ allowed }) => !allowed)).toEqual([]);
    const made = new Set(own.map(({ iamAction, resource }) => `${iamAction} on ${asNamed(resource)}`));
    expect([...made].sort()).toEqual(allowedCalls(harness.fn.policyDocuments).sort());
  } finally {
    await harness.close();
  }
});

/** The secret is known by its name: its ARN ends in six characters that the policy leaves open. */
function asNamed(resource: string): string {
  return resource.replace(/(:secret:.+)-[A-Za-z0-9]{6}$/, '$1-??????');
}

/** Each action of the policies with each of its resources. */
function allowedCalls(policyDocuments: SynthesizedFunction['policyDocuments']): string[] {
  return policyDocuments
    .flatMap(({ Statement }) => Statement as { Action: string | string[]; Resource: string | string[] }[])
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((resource) => ({ action, resource }))),
    )
    .filter(({ action }) => !BY_LAMBDA.includes(action))
    .map(({ action, resource }) => `${action} on ${resource}`);
}
