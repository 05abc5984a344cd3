import type { Harness } from '../../local/harness.ts';
import { STATUS_PARAMETER, TOKEN_PARAMETER, useHarnesses } from './harnesses.ts';

// Through the synthesized bundle in its own process, with the synthesized policy.
const openHarness = useHarnesses();
const TAGS = { team: 'contact-centre', stage: 'live' };
const open = (isDenied = false) => openHarness({ token: () => ({ tags: TAGS }), isDenied });

const tagsOf = ({ aws }: Harness, name: string) =>
  Object.fromEntries(aws.ssm.parameters.get(name)?.tags ?? []);

test('both parameters are created with the tags of the configuration', async () => {
  const harness = await open();

  await harness.beat();

  for (const name of [TOKEN_PARAMETER, STATUS_PARAMETER]) expect(tagsOf(harness, name)).toEqual(TAGS);
});

test('parameters that were there get them at the next mint, and keep the tags of others', async () => {
  const harness = await open();
  const Tags = [{ Key: 'owner', Value: 'somebody' }];
  harness.administer('PutParameter', { Name: TOKEN_PARAMETER, Type: 'SecureString', Value: 'old', Tags });

  await harness.beat({ force: true });

  expect(tagsOf(harness, TOKEN_PARAMETER)).toEqual({ owner: 'somebody', ...TAGS });
  expect(tagsOf(harness, STATUS_PARAMETER)).toEqual(TAGS);
});

test('where tagging is denied, the token is stored all the same, and the log says what was denied', async () => {
  const harness = await open(true);
  harness.administer('PutParameter', { Name: TOKEN_PARAMETER, Type: 'SecureString', Value: 'old' });
  harness.aws.faults.add({ match: { operation: 'AddTagsToResource' }, fault: { kind: 'deny' } });

  const answer = await harness.beat({ force: true });

  expect(answer).toBe('refreshed, forced');
  expect(harness.stored()?.version).toBe(2);
  expect(harness.process.lines.join('\n')).toContain(
    `The parameters could not be tagged: ssm:AddTagsToResource on ${TOKEN_PARAMETER} failed`,
  );
});
