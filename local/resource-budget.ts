/** The most resources that a token adds to a stack: CloudFormation allows 500, and a stack takes 16 tokens. */
export const RESOURCES_PER_TOKEN_LIMIT = 16;
