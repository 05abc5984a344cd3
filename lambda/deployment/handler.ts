import { setTimeout } from 'node:timers/promises';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { FirstMintProperties, TokenParametersProperties } from '../contract.ts';
import { type CloudFormationEvent, respond } from './cloudformation.ts';
import { type FirstMintClients, mintFirstToken } from './first-mint.ts';
import { retry } from './retry.ts';
import { claimParameters, deleteParameters } from './token-parameters.ts';

/** The function that CloudFormation calls for the stack's custom resources. */
export const handler = createHandler({
  ssm: new SSMClient({}),
  lambda: new LambdaClient({}),
  pause: setTimeout,
});

/**
 * Makes the function that runs a stack's custom resources while the stack is created, updated or deleted. It always
 * answers CloudFormation, also after a failure, and then says what to do.
 */
export function createHandler(clients: FirstMintClients): (event: CloudFormationEvent) => Promise<void> {
  return async (event) => {
    let physicalResourceId: string;
    try {
      physicalResourceId = await handle(clients, event);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'An unknown error.';
      process.stdout.write(
        `${JSON.stringify({ resource: event.LogicalResourceId, request: event.RequestType, reason })}\n`,
      );
      // A failed creation gets an id for which a later deletion does nothing.
      const id = event.PhysicalResourceId ?? `failed-${event.RequestId}`;
      return await respond(event, { status: 'FAILED', physicalResourceId: id, reason });
    }
    await respond(event, { status: 'SUCCESS', physicalResourceId });
  };
}

/** @returns the resource's physical id */
async function handle(clients: FirstMintClients, event: CloudFormationEvent): Promise<string> {
  const { RequestType, PhysicalResourceId } = event;
  switch (event.ResourceType) {
    case 'Custom::TokenParameters': {
      const properties = event.ResourceProperties as TokenParametersProperties;
      const { ssm, pause } = clients;
      if (RequestType === 'Create') return await retry(pause, () => claimParameters(ssm, properties));
      const id = PhysicalResourceId ?? '';
      if (RequestType === 'Delete') await retry(pause, () => deleteParameters(ssm, properties, id));
      return id;
    }
    case 'Custom::FirstMint': {
      const mint = event as CloudFormationEvent<FirstMintProperties>;
      if (RequestType !== 'Delete') await mintFirstToken(clients, mint);
      return PhysicalResourceId ?? `first-mint-${mint.ResourceProperties.FunctionName}`;
    }
    default:
      throw new Error(`${event.ResourceType} is not a resource of this function.`);
  }
}
