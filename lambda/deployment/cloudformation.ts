/**
 * What CloudFormation sends for a custom resource.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html
 */
export interface CloudFormationEvent<Properties = unknown> {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  readonly ResourceType: string;
  /** Absent in a `Create`. */
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: Properties;
  /** In an `Update` only. An older release may have had other keys. */
  readonly OldResourceProperties?: Partial<Properties>;
}

interface Answer {
  readonly status: 'SUCCESS' | 'FAILED';
  readonly physicalResourceId: string;
  /** Text for the stack's events. CloudFormation refuses responses of more than 4,096 bytes. */
  readonly reason?: string;
}

/** As JSON encodes it: an escaped control character takes six. The rest of an answer takes less than 3,000. */
const MAX_REASON_BYTES = 1_000;
const ATTEMPTS = 3;

/** Answers CloudFormation. @throws Error if the answer could not be sent: CloudFormation then waits for its time limit */
export async function respond(event: CloudFormationEvent, answer: Answer): Promise<void> {
  const body = JSON.stringify({
    Status: answer.status,
    PhysicalResourceId: answer.physicalResourceId,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    ...(answer.reason === undefined ? {} : { Reason: cut(answer.reason) }),
  });
  for (let attempt = 1; ; attempt += 1) {
    try {
      // The URL is signed without a content type.
      const { ok, status } = await fetch(event.ResponseURL, {
        method: 'PUT',
        headers: { 'content-type': '' },
        body,
        signal: AbortSignal.timeout(5_000),
      });
      if (ok) return;
      throw new Error(`CloudFormation's answer was ${status}.`);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** The beginning of a text that fits. */
function cut(reason: string): string {
  let text = reason.slice(0, MAX_REASON_BYTES);
  while (Buffer.byteLength(JSON.stringify(text)) > MAX_REASON_BYTES + 2) text = text.slice(0, -1);
  return text.toWellFormed();
}
