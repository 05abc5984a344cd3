/** Where something lies; undefined: not known while the template is made. */
export interface Place {
  readonly partition?: string | undefined;
  readonly region: string | undefined;
  readonly account: string | undefined;
}

/** What goes wrong in AWS where the thing lies in another region or account than the stack, and the way around. */
export const OWN_PLACE_REASONS = {
  encryptionKey: 'Parameter Store encrypts with a key of its own account and region; name one of those',
  logEncryptionKey: 'CloudWatch Logs encrypts with a key of its own account and region; name one of those',
  alarmTopic:
    'CloudWatch tells topics of its own account and region only; name one of those, or set alarmEmail',
  secret:
    'its changes would not be heard of here; replicate it to the region of the stack, or store it in this account, and name that one',
} as const;

/** Tells where something lies that has to lie in `own`, and `reason`; undefined where it does, or where that is not known. */
export function otherPlaceProblem(
  place: Place,
  own: Place,
  { reason, whose = 'the stack is' }: { readonly reason: string | undefined; readonly whose?: string },
): string | undefined {
  const found = (['partition', 'account', 'region'] as const).flatMap((part) =>
    place[part] === undefined || own[part] === undefined || place[part] === own[part]
      ? []
      : [`${part} ${place[part]} (${whose} in ${own[part]})`],
  );
  return found.length === 0 ? undefined : `lies in ${found.join(', ')}; ${reason}`;
}
