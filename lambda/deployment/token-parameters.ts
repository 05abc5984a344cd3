import { DeleteParametersCommand, GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { TokenParametersProperties } from '../contract.ts';

/** The properties in the first release: its clean-up call, as JSON. */
interface ReleasedProperties {
  readonly Delete?: string;
}

/** Begins the physical id of a resource that adopted one parameter of the two. Its name follows. */
const ADOPTED_ONE = 'adopted-one:';

/**
 * Makes sure that the stack may write a token's two parameters, before any other resource of the stack can write them.
 *
 * @returns the physical id: the token parameter's name if neither parameter exists, so that the stack creates both and
 * later deletes them; another id if parameters were adopted, which the stack never deletes
 * @throws Error if one exists and is not to be adopted
 */
export async function claimParameters(
  client: SSMClient,
  { TokenParameter, StatusParameter, Adopt }: TokenParametersProperties,
): Promise<string> {
  // Without decryption: only the names are needed.
  const { Parameters = [] } = await client.send(
    new GetParametersCommand({ Names: [TokenParameter, StatusParameter] }),
  );
  const [first, second] = Parameters;
  if (first?.Name === undefined) return TokenParameter;
  if (Adopt !== 'true') {
    const found = Parameters.map(({ Name }) => Name);
    throw new Error(
      `Parameter Store already has ${found.join(' and ')}, which this stack did not create. Nothing was written. Choose another name or prefix, or delete these parameters. Or set "adoptParameters": true: the stack then overwrites them, and keeps them when it is deleted.`,
    );
  }
  return second === undefined ? `${ADOPTED_ONE}${first.Name}` : `adopted:${TokenParameter}`;
}

/** Deletes the parameters that the stack created. `physicalResourceId` says which: see {@link claimParameters}. */
export async function deleteParameters(
  client: SSMClient,
  properties: TokenParametersProperties | ReleasedProperties,
  physicalResourceId: string,
): Promise<void> {
  const names = namesOf(properties);
  const own = physicalResourceId.startsWith(ADOPTED_ONE)
    ? names.filter((name) => name !== physicalResourceId.slice(ADOPTED_ONE.length))
    : names.filter(() => names[0] === physicalResourceId);
  if (own.length === 0) return;
  // DeleteParameters, unlike DeleteParameter, accepts names that do not exist.
  await client.send(new DeleteParametersCommand({ Names: own }));
}

function namesOf(properties: TokenParametersProperties | ReleasedProperties): string[] {
  if ('TokenParameter' in properties) return [properties.TokenParameter, properties.StatusParameter];
  const call = JSON.parse((properties as ReleasedProperties).Delete ?? '{}');
  return call.parameters?.Names ?? [];
}
