/** Partition, region and account of a resource; undefined: not known at synth. */
export interface Place {
  readonly partition?: string | undefined;
  readonly region: string | undefined;
  readonly account: string | undefined;
}

/** Why a resource in another region or account than the stack does not work, and what to do instead. */
export const OWN_PLACE_REASONS = {
  encryptionKey: 'Parameter Store encrypts with a key of its own account and region; name one of those',
  logEncryptionKey: 'CloudWatch Logs encrypts with a key of its own account and region; name one of those',
  alarmTopic:
    'CloudWatch notifies only topics of its own account and region; name one of those, or set alarmEmail',
  secret:
    'Secrets Manager sends its change events only to its own account and region; replicate the secret to the region of the stack, or store it in this account, and name that one',
} as const;

/** Describes a resource that is not in `own`, with `reason`; undefined if it is there, or if its place is not known. */
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
