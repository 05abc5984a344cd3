import { AwsError } from './aws-error.ts';
import type { Permission } from './operation.ts';

const maxTags = 50;

/** The condition keys of a request that carries tags. */
export function requestTags(tags: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...tags].map(([key, value]) => [`aws:RequestTag/${key}`, value]));
}

/** What tagging a parameter needs, whether it is created with the tags or has been there before. */
export function taggingPermission(resource: string, tags: ReadonlyMap<string, string>): Permission {
  return { action: 'ssm:AddTagsToResource', resource, context: requestTags(tags) };
}

/** @throws AwsError `TooManyTagsError` */
export function withinTagLimit(tags: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (tags.size > maxTags) throw new AwsError('TooManyTagsError');
  return tags;
}
